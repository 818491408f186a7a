import { CODES } from './codes.js';

/** The types of the frames that only the server creates; over Socket.IO, the names of their messages. */
const SERVER_FRAMES: ReadonlySet<unknown> = new Set([
  'auth_success',
  'auth_expiring',
  'subscribed',
  'unsubscribed',
  'gap',
  'event',
  'error',
  'pong',
  'semantic-events:pong',
]);

/** Finds texts that may be a frame of the server. `JSON.stringify` writes neither white space nor escapes in these. */
const SUSPICIOUS = new RegExp(
  `"specversion":|"type":"(?:${[...SERVER_FRAMES].join('|')})"|"event":"exception"`,
);

/** The result of a handler for a plain message, which a client would take for a frame of the server. */
export class ReservedFrameError extends Error {
  override readonly name = 'ReservedFrameError';

  /** @param message the name of the message whose handler returned it */
  constructor(message: string, frame: string) {
    super(
      `The handler of "${message}" returned ${frame}, which only the server may send: return the value as data, such as { event: '${message}.reply', data }`,
    );
  }
}

/**
 * Returns the description of the frame of the server that a text would be; undefined if it would be none.
 *
 * @param text written by `JSON.stringify`
 */
export function reservedFrameIn(text: string): string | undefined {
  if (!SUSPICIOUS.test(text)) return undefined;
  const frame = JSON.parse(text) as Record<string, unknown> | null;
  if (typeof frame !== 'object' || frame === null) return undefined;
  if ('specversion' in frame) return 'an event';
  if (SERVER_FRAMES.has(frame.type)) return `a frame of the type ${String(frame.type)}`;
  return reservedMessage(frame.event, frame.data, false);
}

/**
 * Returns the description of the message of the server that a name and its data would be; undefined if they would be none.
 *
 * @param isNamed whether the name alone makes a frame, as over Socket.IO
 */
export function reservedMessage(name: unknown, data: unknown, isNamed = true): string | undefined {
  if (isNamed && SERVER_FRAMES.has(name)) return `the message ${String(name)}`;
  const { code } = Object(data) as { code?: unknown };
  return name === 'exception' && typeof code === 'string' && Object.hasOwn(CODES, code)
    ? 'an exception with a code of this library'
    : undefined;
}
