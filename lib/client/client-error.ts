import type { Code } from '../protocol/codes.js';
import { SemanticEventsError } from '../protocol/errors.js';

/** What can go wrong on the client's own side; the rest are codes of the server. */
export type ClientCode =
  /** `close()` was called, or a subscription ended by its caller. */
  | 'CLOSED'
  | 'CONNECTION_LOST'
  /** No answer came in time. */
  | 'TIMEOUT'
  /** Too much is waiting already. */
  | 'QUEUE_FULL'
  /** `getToken` had none to give. */
  | 'NO_TOKEN'
  /** `getToken` failed. */
  | 'TOKEN_FAILED'
  /** An event was dropped because its signature is missing or wrong. */
  | 'UNVERIFIED'
  /** A handler of a subscription failed. */
  | 'HANDLER_FAILED';

/**
 * How the codes begin that neither waiting nor a new connection changes: those the table of PROTOCOL.md says not to
 * retry, and the client's own. A test holds it against that table, which is too large to be part of a client.
 */
const FINAL =
  /^(BAD_|INVALID_|UNKNOWN_|UNSUPPORTED_|FORBIDDEN|MESSAGE_|REVOKED|CLOSED|NO_|UNVERIFIED|HANDLER_)/;

export interface ClientErrorDetails {
  /** When trying again makes sense, in milliseconds. */
  retryAfter?: number;
  /** The `id` of the event this is about. */
  eventId?: string;
  /** The `type` of the event this is about. */
  eventType?: string;
  /** The patterns of the subscription this is about. */
  patterns?: readonly string[];
  /** What lies behind it: what a callback threw, or why a connection was lost. */
  cause?: unknown;
}

/** What went wrong, for every promise that rejects and every `error` event of a client. */
export class SemanticEventsClientError extends SemanticEventsError implements ClientErrorDetails {
  override readonly name = 'SemanticEventsClientError';
  declare readonly retryAfter?: number;
  declare readonly eventId?: string;
  declare readonly eventType?: string;
  declare readonly patterns?: readonly string[];

  /** @param code of the client, or of the server by the code table; a newer server may have others */
  constructor(
    readonly code: Code | ClientCode | (string & {}),
    details: ClientErrorDetails = {},
  ) {
    super(code);
    Object.assign(this, details);
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return !FINAL.test(this.code);
  }
}
