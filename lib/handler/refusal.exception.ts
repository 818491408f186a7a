import { WsException } from '@nestjs/websockets';
import {
  type Code,
  describeRefusal,
  type Reason,
  RefusalError,
  type RefusalDetails,
} from '../protocol/index.js';

/**
 * A rejection with a code. Throw it from a handler, guard or pipe. Without a filter of this library Nest sends it in its
 * own form, like any WsException. It contains neither the reason nor what the client has sent.
 */
export class RefusalException extends WsException {
  constructor(
    readonly code: Code,
    readonly details: RefusalDetails = {},
  ) {
    const description = describeRefusal(code, details);
    // Record no stack, as for a RefusalError.
    const { stackTraceLimit } = Error;
    Reflect.set(Error, 'stackTraceLimit', 0);
    super(description);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }

  static of({ code, retryAfter, reason }: RefusalError, id?: string): RefusalException {
    return new RefusalException(code, { retryAfter, reason, id });
  }

  /** The reason, for operators. */
  get reason(): Reason | undefined {
    return this.details.reason;
  }
}
