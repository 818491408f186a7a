import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Injectable,
  Logger,
  Optional,
} from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { receivedAs } from '../event/index.js';
import { clientOf } from '../connection/index.js';
import { applicationRejection, eventIdOf, RefusalException } from '../handler/index.js';
import {
  errorContext,
  logOnly,
  logUnexpected,
  SecurityEvents,
  thrown,
  UnexpectedErrors,
} from '../monitoring/index.js';
import {
  isInstance,
  type Code,
  describeRefusal,
  exceptionFrame,
  RefusalError,
  type RefusalDetails,
} from '../protocol/index.js';
import { connectionOf } from '../connection/index.js';
import { silentHost } from './silent-host.js';

/** The message of the WsException that Nest throws when a guard returns false. */
const GUARD_SAID_NO = 'Forbidden resource';

/** HTTP statuses that map to a code after which clients wait. */
const BY_STATUS = new Map<number, Code>([
  // The application ran out of time, and did not decide.
  [408, 'UNAVAILABLE'],
  [429, 'RATE_LIMITED'],
  [503, 'UNAVAILABLE'],
]);

/**
 * Answers every error in a gateway with one error frame. The frame has a code of PROTOCOL.md, and reveals neither the request
 * nor internals. The message of a WsException, or of an HttpException with a status from 400 to 499, is sent with the code
 * `REJECTED`. An unexpected error is `INTERNAL`: it is logged, and reported to the application.
 */
@Injectable()
@Catch()
export class SemanticEventsExceptionFilter implements ExceptionFilter {
  private readonly logger = new Logger(SemanticEventsExceptionFilter.name);

  constructor(
    @Optional() private readonly events?: SecurityEvents,
    @Optional() private readonly errors?: UnexpectedErrors,
  ) {}

  // Nest's own adapters do not catch errors of a filter, and such an error would end the process.
  catch(exception: unknown, host: ArgumentsHost): void {
    try {
      this.answer(exception, host);
    } catch (error) {
      logUnexpected(this.logger, error);
    }
  }

  private answer(exception: unknown, host: ArgumentsHost): void {
    const context = host.switchToWs();
    const data: unknown = context.getData();
    const { code, ...answer } = this.refusalOf(exception);
    if (code === 'INTERNAL') logOnly(this.logger, exception, undefined, 'A handler threw ');
    const details = { id: eventIdOf(data), ...answer };
    this.sendRefusal(context.getClient<object>(), code, details, data, context.getPattern());
    if (code === 'INTERNAL') this.report(exception, host);
  }

  private report(exception: unknown, host: ArgumentsHost): void {
    if (!this.errors) return;
    const context = host.switchToWs();
    const client = clientOf(context.getClient<object>());
    const event = { eventType: context.getPattern(), eventId: eventIdOf(context.getData()) };
    this.errors.report(exception, errorContext('handler', client, event), silentHost(host));
  }

  private refusalOf(exception: unknown): RefusalDetails & { code: Code } {
    try {
      const code = this.codeOf(exception);
      return { code, ...detailsOf(exception, code) };
    } catch {
      // Reading a member of the exception threw: treat the exception as unexpected.
      return { code: 'INTERNAL', reason: thrown(exception) };
    }
  }

  /** Returns the code that answers an exception. */
  protected codeOf(exception: unknown): Code {
    if (isInstance(exception, RefusalException) || RefusalError.is(exception))
      return exception.code;
    if (isInstance(exception, WsException) && exception.message === GUARD_SAID_NO)
      return 'FORBIDDEN';
    const byStatus = isInstance(exception, HttpException)
      ? BY_STATUS.get(exception.getStatus())
      : undefined;
    return byStatus ?? (applicationRejection(exception) ? 'REJECTED' : 'INTERNAL');
  }

  private sendRefusal(
    socket: object,
    code: Code,
    details: RefusalDetails,
    data: unknown,
    eventType: string,
  ): void {
    const connection = connectionOf(socket);
    if (connection) {
      const form = receivedAs(data) === 'event' ? 'event' : 'nest';
      connection.refuse(code, details, form, eventType);
      return;
    }
    this.events?.refused(clientOf(socket), code, { eventType, reason: details.reason });
    if (isNativeSocket(socket)) socket.send(exceptionFrame(code, details));
    else if (isSocketIo(socket)) socket.emit('exception', describeRefusal(code, details));
  }
}

function detailsOf(exception: unknown, code: Code): RefusalDetails {
  if (RefusalError.is(exception))
    return { retryAfter: exception.retryAfter, reason: exception.reason };
  if (isInstance(exception, RefusalException)) {
    const { id, reason = thrown(exception), ...details } = exception.details;
    return { ...details, ...(id !== undefined && { id }), reason };
  }
  if (code === 'FORBIDDEN') return { reason: 'a guard returned false' };
  const reason = thrown(exception);
  return code === 'REJECTED' ? { reason, rejection: applicationRejection(exception) } : { reason };
}

function isNativeSocket(socket: object): socket is { send(text: string): void } {
  return 'readyState' in socket && 'send' in socket;
}

function isSocketIo(socket: object): socket is { emit(event: string, data: object): void } {
  return 'emit' in socket;
}
