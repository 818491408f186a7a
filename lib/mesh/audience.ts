import { isEventId } from '../event/index.js';
import { isId, isUserId, Problems } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';

/** The receivers of an event: one user, one session, one connection (`Client.id`) or the members of a room. */
export type Audience =
  | { readonly user: string | number }
  | { readonly session: string }
  | { readonly client: string }
  | { readonly room: string };

/** The channel of public events: every client with the right to a pattern may subscribe to them. */
export const PUBLIC = '';

const KINDS = ['user', 'session', 'client', 'room'] as const;
type Kind = (typeof KINDS)[number];

/** Where an event goes. */
export interface Address {
  readonly channel: string;
  /** The value of `semanticaudience`. It shows a client why it receives the event. Undefined: the event is public. */
  readonly attribute: string | undefined;
}

/** The address of public events. */
export const EVERYBODY: Address = { channel: PUBLIC, attribute: undefined };

/**
 * Returns the address of an audience. In the name of its channel the id follows a prefix of fixed length, so that no id can
 * name another audience.
 *
 * @throws SemanticEventsConfigError if the value is not exactly one audience with a valid id
 */
export function addressOf(audience: Audience): Address {
  const [kind, id] = partsOf(audience);
  return { channel: channelNamed(kind, id), attribute: kind === 'room' ? `room/${id}` : kind };
}

/** Returns the channel of an audience. @throws like `addressOf` */
export function channelOf(audience: Audience): string {
  return addressOf(audience).channel;
}

/** Returns the channel of an audience. The caller has validated the id. */
export function channelNamed(kind: Kind, id: string): string {
  return `${kind.charAt(0)}:${id}`;
}

/**
 * Checks the name of a room. Clients often choose it, so a name that no room can have is not a mistake of the application.
 *
 * @throws RefusalError `FORBIDDEN`
 */
export function assertRoomName(name: unknown): void {
  if (!isRoomName(name))
    throw new RefusalError('FORBIDDEN', {
      reason: 'the name of a room must have 1 to 256 characters, and no control characters',
    });
}

/** Returns whether a value can be the name of a room. It becomes part of `semanticaudience`, so it must be printable. */
function isRoomName(value: unknown): boolean {
  return isId(value) && isEventId(value);
}

function partsOf(audience: Audience): [Kind, string] {
  const given = (audience as Record<string, unknown> | null | undefined) ?? {};
  const names = Object.keys(given).filter(name => given[name] !== undefined);
  const kind = KINDS.find(name => name === names[0]);
  const value = kind && given[kind];
  const id = kind === 'user' && isUserId(value) ? String(value) : value;
  if (names.length !== 1 || !kind || !isId(id) || (kind === 'room' && !isRoomName(id))) {
    const problems = new Problems();
    problems.add(
      'audience',
      'must be one of { user }, { session }, { client } and { room }, with an id of 1 to 256 characters, for a room without control characters',
    );
    problems.throwIfAny();
    throw new TypeError('unreachable');
  }
  return [kind, id];
}
