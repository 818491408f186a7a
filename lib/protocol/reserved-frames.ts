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

/** The name of a refusal in Nest's form, and over Socket.IO. */
const EXCEPTION = 'exception';

/**
 * Finds texts that may be a frame of the server. `JSON.stringify` writes neither white space nor escapes in these, except that
 * `JSON.rawJSON` of the application may have escapes.
 */
const SUSPICIOUS = new RegExp(
  String.raw`"specversion":|"type":"(?:${[...SERVER_FRAMES].join('|')})"|"event":"${EXCEPTION}"|"(?:type|event)":"[^"\\]*\\`,
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
 * Returns the description of the message of the server that a name and its data would be; undefined if they would be none. An
 * exception of the application has no code.
 *
 * @param data as JSON writes it
 * @param isNamed whether the name alone makes a frame, as over Socket.IO
 */
export function reservedMessage(name: unknown, data: unknown, isNamed = true): string | undefined {
  if (isNamed && SERVER_FRAMES.has(name)) return `the message ${String(name)}`;
  const { code } = Object(data) as { code?: unknown };
  return name === EXCEPTION && typeof code === 'string' ? 'an exception with a code' : undefined;
}

/**
 * Returns the data to send under a name. For the name of a refusal it is a copy: `toJSON` or a getter could write a code that
 * `reservedMessage` does not see.
 */
export function messageData(name: string, data: unknown): unknown {
  if (name !== EXCEPTION || data === undefined) return data;
  const text = JSON.stringify(data) as string | undefined;
  return text === undefined ? undefined : JSON.parse(text);
}
