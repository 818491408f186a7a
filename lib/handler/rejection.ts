import type { ClientRejection } from '../protocol/index.js';
import { RefusalException } from './refusal.exception.js';

export interface RejectionOptions {
  /** An HTTP status from 400 to 499. @default 400 */
  readonly status?: number;
  /** A word that client code can act on, such as `out-of-stock`. */
  readonly reason?: string;
}

/** The maximum length of a message, or of a reason, that a client receives. */
const MAX_MESSAGE_LENGTH = 1_024;

/**
 * Rejects an event for a reason of the application. The client receives the code `REJECTED` with the status, message and
 * reason that you choose. Throw it from a handler, guard or pipe.
 *
 * @example throw new Rejection('out of stock', { status: 409, reason: 'out-of-stock' });
 */
export class Rejection extends RefusalException {
  /**
   * @param message is sent to the client, so it must not contain anything the client may not read
   * @throws RangeError if the status is not a whole number from 400 to 499
   */
  constructor(message: string, { status = 400, reason }: RejectionOptions = {}) {
    if (!isClientStatus(status))
      throw new RangeError(`Rejection: status must be from 400 to 499 (it is ${String(status)})`);
    super('REJECTED', { rejection: rejectionOf(status, message, reason) });
  }
}

/** Returns whether a status blames the request, not the server. */
export function isClientStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) < 500;
}

/** Shortens a message and a reason to the maximum length. */
export function rejectionOf(status: number, message: string, reason?: unknown): ClientRejection {
  return {
    status,
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    reason: typeof reason === 'string' ? reason.slice(0, MAX_MESSAGE_LENGTH) : undefined,
  };
}
