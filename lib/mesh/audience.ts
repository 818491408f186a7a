import { Problems } from '../options/index.js';

/** The receivers of an event: one user, one session, one connection (`Client.id`) or the members of a room. */
export type Audience =
  | { readonly user: string | number }
  | { readonly session: string }
  | { readonly client: string }
  | { readonly room: string };

/** The channel of public events: every client with the right to a pattern may subscribe to them. */
export const PUBLIC = '';

/** The longest id of an audience, in characters. */
export const MAX_AUDIENCE_LENGTH = 256;

const KINDS = ['user', 'session', 'client', 'room'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Returns the channel that carries the events of an audience. The id follows a prefix of fixed length, so that no id
 * can name another audience.
 *
 * @throws SemanticEventsConfigError if the value is not exactly one audience with a valid id
 */
export function channelOf(audience: Audience): string {
  const [kind, id] = partsOf(audience);
  return channelNamed(kind, id);
}

/** Returns the channel of an audience. The caller has validated the id. */
export function channelNamed(kind: Kind, id: string): string {
  return `${kind.charAt(0)}:${id}`;
}

/** Returns the value of `semanticaudience`. It shows a client why it receives an event. */
export function attributeOf(audience: Audience): string {
  const [kind, id] = partsOf(audience);
  return kind === 'room' ? `room/${id}` : kind;
}

/** Whether a value can be the id of an audience. Lone surrogates are invalid: UTF-8 cannot encode them. */
export function isAudienceId(id: unknown): id is string {
  return (
    typeof id === 'string' && id !== '' && id.length <= MAX_AUDIENCE_LENGTH && id.isWellFormed()
  );
}

function partsOf(audience: Audience): [Kind, string] {
  const given = Object.entries((audience as object | null | undefined) ?? {}).filter(
    ([, id]) => id !== undefined,
  );
  const [[kind, value] = []] = given as [string, unknown][];
  const known = KINDS.find(name => name === kind);
  const id = typeof value === 'number' && known === 'user' ? String(value) : value;
  if (given.length !== 1 || !known || !isAudienceId(id)) {
    const problems = new Problems();
    problems.add(
      'audience',
      'must be one of { user }, { session }, { client } and { room }, with an id of 1 to 256 characters',
    );
    problems.throwIfAny();
    throw new TypeError('unreachable');
  }
  return [known, id];
}
