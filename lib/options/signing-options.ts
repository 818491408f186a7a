import { isUriReference } from '../event/index.js';
import { inTime } from '../maybe-promise.js';
import { isInstance, SemanticEventsConfigError } from '../protocol/errors.js';
import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/** A signing key as configured. */
export interface SigningKeyOptions {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`; may not start with `s-`, which names session keys. */
  id: string;
  /** At least 32 bytes. A string is its UTF-8 bytes. */
  secret: string | Uint8Array;
  /** The start of the key's validity. If omitted, it has always been valid. */
  notBefore?: Date;
  /** The end of the key's validity. If omitted, it never ends. */
  notAfter?: Date;
}

/** The signature schemes: the one of PROTOCOL.md, and the one of Python clients that use the earlier protocol. */
export const SIGNATURE_SCHEMES = ['v1', 'integradio'] as const;

export type SignatureScheme = (typeof SIGNATURE_SCHEMES)[number];

/** Reads the key ring, such as from a mounted secret or a vault. */
export type SigningKeySource = () =>
  readonly SigningKeyOptions[] | Promise<readonly SigningKeyOptions[]>;

export interface SigningOptions {
  /**
   * The key ring: the first key in force signs, every key in force verifies. A function is called at start and again every
   * `refresh` milliseconds. If it fails at start, the application does not start.
   */
  keys: SigningKeyOptions[] | SigningKeySource;
  /**
   * How often the function `keys` is called again, in milliseconds. If it fails, the current keys stay in use, and the failure is logged.
   *
   * @default 60_000
   */
  refresh?: number;
  /** How old an accepted event may be, in milliseconds. @default 300_000 */
  maxAge?: number;
  /** How far in the future an accepted event may lie, in milliseconds. @default 60_000 */
  clockSkew?: number;
  /** The `source` of the server's events: a URI reference. @default 'nestjs-semantic-events' */
  source?: string;
  /**
   * The accepted signature schemes. With `'integradio'`, ring keys also verify events that older Python clients signed. Such a
   * signature covers less of an event than `'v1'` does. @default ['v1']
   */
  accept?: readonly SignatureScheme[];
}

/** The prefix of session key ids. Ring keys must not have it. */
export const SESSION_KEY_PREFIX = 's-';

const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function checkSigning(options: SigningOptions, problems: Problems, now: number): void {
  if (!problems.unknown('signing', options, ['keys', ...Object.keys(DEFAULTS.signing)])) return;
  problems.delay('signing.refresh', options.refresh, 1_000);
  problems.integer('signing.maxAge', options.maxAge, { min: 1_000 });
  problems.integer('signing.clockSkew', options.clockSkew, { min: 0 });
  problems.text('signing.source', options.source);
  if (typeof options.source === 'string' && !isUriReference(options.source))
    problems.add('signing.source', 'must be a URI reference');
  checkAccept(options.accept, problems);
  // `loadKeys` has called a function.
  checkKeys(options.keys, problems, now);
}

function checkAccept(accept: unknown, problems: Problems): void {
  if (accept === undefined) return;
  const schemes: readonly unknown[] = SIGNATURE_SCHEMES;
  if (
    !Array.isArray(accept) ||
    !accept.includes('v1') ||
    !accept.every(name => schemes.includes(name)) ||
    new Set(accept).size < accept.length
  )
    problems.add('signing.accept', "must be ['v1'] or ['v1', 'integradio']");
}

/** Adds the problems of a key ring. @param now milliseconds since the Unix epoch */
export function checkKeys(keys: unknown, problems: Problems, now: number): void {
  if (!Array.isArray(keys)) {
    problems.wrong('signing.keys', keys, 'must be a list of keys, or a function that returns it');
    return;
  }
  const before = problems.count;
  if (keys.length === 0) problems.add('signing.keys', 'must name at least one key');
  const ring = keys as SigningKeyOptions[];
  ring.forEach((key, index) => {
    checkKey(key, `signing.keys[${index}]`, problems);
  });
  if (problems.count > before) return;

  const ids = ring.map(key => key.id);
  const repeated = new Set(ids.filter((id, index) => ids.indexOf(id) !== index));
  for (const id of repeated) problems.add('signing.keys', `names the id "${id}" more than once`);
  // Otherwise an event signed with one key would be new under the id of the other.
  const secrets = new Set(ring.map(({ secret }) => Buffer.from(secret).toString('base64')));
  if (secrets.size < ring.length) problems.add('signing.keys', 'has one secret for several keys');
  const inForce = ring.some(
    ({ notBefore, notAfter }) =>
      (notBefore?.getTime() ?? now) <= now && now <= (notAfter?.getTime() ?? now),
  );
  if (!inForce) problems.add('signing.keys', 'has no key that is in force now');
}

function checkKey(key: unknown, path: string, problems: Problems): void {
  if (!problems.unknown(path, key, ['id', 'secret', 'notBefore', 'notAfter'])) return;
  const { id, secret, notBefore, notAfter } = key as Partial<SigningKeyOptions>;
  if (typeof id !== 'string' || !KEY_ID.test(id))
    problems.add(`${path}.id`, 'must be 1 to 64 of A-Z a-z 0-9 _ -');
  else if (id.startsWith(SESSION_KEY_PREFIX))
    problems.add(
      `${path}.id`,
      `may not start with "${SESSION_KEY_PREFIX}", which names session keys`,
    );
  problems.secret(`${path}.secret`, secret);
  for (const [name, date] of Object.entries({ notBefore, notAfter }))
    if (date !== undefined && !(date instanceof Date && !Number.isNaN(date.getTime())))
      problems.add(`${path}.${name}`, 'must be a valid Date');
  if (notBefore instanceof Date && notAfter instanceof Date && notAfter <= notBefore)
    problems.add(`${path}.notAfter`, 'must be later than notBefore');
}

/** The time that a source of keys has at start, in milliseconds. */
const LOAD_TIMEOUT = 30_000;

/**
 * Returns options with a key ring: a function that reads the keys is called once.
 *
 * @throws SemanticEventsConfigError if it fails. The message of its error is left out: it may hold a key
 */
export async function loadKeys<O extends { signing: SigningOptions }>(options: O): Promise<O> {
  const source = (options as Partial<O>).signing?.keys;
  if (typeof source !== 'function') return options;
  let keys: readonly SigningKeyOptions[];
  try {
    const late = `signing.keys did not answer in ${LOAD_TIMEOUT / 1000} s`;
    keys = await inTime(Promise.resolve().then(source), LOAD_TIMEOUT, late);
  } catch (error) {
    const { name } = isInstance(error, Error) ? error : { name: typeof error };
    throw new SemanticEventsConfigError([`signing.keys, a function, failed: ${name}`], error);
  }
  return { ...options, signing: { ...options.signing, keys: keys as SigningKeyOptions[] } };
}
