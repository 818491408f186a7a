import { WsException } from '@nestjs/websockets';
import {
  type Code,
  describeRefusal,
  RefusalError,
  type RefusalDetails,
} from '../protocol/index.js';

/**
 * A refusal on its way through Nest. As a WsException it is told in Nest's own form where no filter of ours
 * is in place, and without an echo of what the peer has sent. Throw it from a handler to refuse by a code.
 */
export class RefusalException extends WsException {
  constructor(
    readonly code: Code,
    readonly details: RefusalDetails = {},
  ) {
    const description = describeRefusal(code, details);
    // As of a RefusalError, no stack is taken down.
    const { stackTraceLimit } = Error;
    Reflect.set(Error, 'stackTraceLimit', 0);
    super(description);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }

  static of(error: RefusalError, id?: string): RefusalException {
    return new RefusalException(error.code, { retryAfter: error.retryAfter, id });
  }
}
