import type { Code } from '../protocol/codes.js';
import { SemanticEventsError } from '../protocol/errors.js';

/** Messages for the client's own codes that do not explain themselves. */
const CLIENT_MESSAGES = {
  TIMEOUT: 'No reply in time',
  NO_TOKEN: 'getToken returned no token',
  TOKEN_FAILED: 'getToken failed',
  UNVERIFIED: 'Wrong signature',
  HANDLER_FAILED: 'Callback failed',
};

export type ClientCode =
  | keyof typeof CLIENT_MESSAGES
  | 'ABORTED'
  | 'CLOSED'
  | 'CONNECTION_LOST'
  | 'INVALID_CONFIG'
  | 'QUEUE_FULL';

/**
 * Codes that neither waiting nor a new connection changes: those that PROTOCOL.md marks as final, and the
 * client's own.
 * The table of codes is too large for a client, so a test compares this list with it.
 */
const FINAL_CODES = [
  'BAD_FRAME',
  'INVALID_EVENT',
  'UNKNOWN_EVENT',
  'FORBIDDEN',
  'REJECTED',
  'INVALID_SIGNATURE',
  'UNSUPPORTED_FRAME',
  'MESSAGE_TOO_LARGE',
  'REVOKED',
  'INVALID_CONFIG',
  'ABORTED',
  'CLOSED',
  'NO_TOKEN',
  'UNVERIFIED',
  'HANDLER_FAILED',
];

export interface ClientErrorDetails {
  /** The message of the server, or the problem with an argument. @default a message for the code */
  message?: string;
  /** The reason that the server gave, if any. */
  reason?: string;
  /** The time after which a retry can succeed, in milliseconds. */
  retryAfter?: number;
  /** The `id` of the event that failed. */
  eventId?: string;
  /** The `type` of the event that failed. */
  eventType?: string;
  /** The patterns of the subscription that failed. */
  patterns?: readonly string[];
  /** Every problem with the options or the environment. */
  problems?: readonly string[];
  /** The error that caused this one, such as the error that a callback threw. */
  cause?: unknown;
}

/** The error that every promise of a client rejects with and every `error` event carries. */
export class SemanticEventsClientError extends SemanticEventsError implements ClientErrorDetails {
  override readonly name = 'SemanticEventsClientError';
  declare readonly reason?: string;
  declare readonly retryAfter?: number;
  declare readonly eventId?: string;
  declare readonly eventType?: string;
  declare readonly patterns?: readonly string[];
  declare readonly problems?: readonly string[];

  /**
   * @param code a code of the client, or a code of PROTOCOL.md; a newer server may send others
   * @param caller an error created by the method that the application called: the stack begins at that call
   */
  constructor(
    readonly code: Code | ClientCode | (string & {}),
    { message, ...details }: ClientErrorDetails = {},
    caller?: Error,
  ) {
    super(message || ((CLIENT_MESSAGES as Partial<Record<string, string>>)[code] ?? code));
    Object.assign(this, details);
    if (caller?.stack) this.stack = `${String(this)}\n${framesOf(caller.stack)}`;
  }

  /** Returns whether the same call may succeed later. */
  get retryable(): boolean {
    return !FINAL_CODES.includes(this.code);
  }

  /** Copies the error for one of the failed calls, with the stack of that call. */
  for(caller: Error | undefined, details: ClientErrorDetails = {}): SemanticEventsClientError {
    // eslint-disable-next-line @typescript-eslint/no-misused-spread -- copies its own properties only
    const own = { ...this, message: this.message, ...details };
    return new SemanticEventsClientError(this.code, own, caller);
  }
}

/** Converts an error that was thrown while an event was created. */
export function errorOf(cause: unknown): SemanticEventsClientError {
  if (cause instanceof SemanticEventsClientError) return cause;
  const { message } = Object(cause) as Partial<Error>;
  return new SemanticEventsClientError('INVALID_EVENT', { message, cause });
}

/**
 * Returns the stack frames below the first one. Some engines begin the stack with the message: it is removed,
 * too.
 */
function framesOf(stack: string): string {
  return stack.replace(/^(Error.*\n)?.*\n/, '');
}
