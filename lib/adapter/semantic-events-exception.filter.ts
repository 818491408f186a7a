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
import { eventIdOf, RefusalException } from '../handler/index.js';
import { logUnexpected, SecurityEvents } from '../monitoring/index.js';
import {
  type Code,
  describeRefusal,
  exceptionFrame,
  RefusalError,
  type RefusalDetails,
} from '../protocol/index.js';
import { connectionOf } from './connection-of.js';

/** Nest throws a WsException with this text when a guard returns false. */
const GUARD_SAID_NO = 'Forbidden resource';

const BY_STATUS = new Map<number, Code>([
  [400, 'INVALID_EVENT'],
  [401, 'UNAUTHENTICATED'],
  [403, 'FORBIDDEN'],
  [422, 'INVALID_EVENT'],
  [429, 'RATE_LIMITED'],
  [503, 'UNAVAILABLE'],
]);

/**
 * Answers whatever goes wrong in a gateway with one error frame: a code of the table, and nothing of what the
 * peer sent or what went on inside. What nobody expected is logged.
 */
@Injectable()
@Catch()
export class SemanticEventsExceptionFilter implements ExceptionFilter {
  private readonly logger = new Logger(SemanticEventsExceptionFilter.name);

  constructor(@Optional() private readonly events?: SecurityEvents) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const context = host.switchToWs();
    const data: unknown = context.getData();
    const code = this.codeOf(exception);
    if (code === 'INTERNAL') logUnexpected(this.logger, exception);
    const details = { id: eventIdOf(data), ...detailsOf(exception) };
    this.tell(context.getClient<object>(), code, details, data, context.getPattern());
  }

  /** Which code tells the peer of an exception. */
  protected codeOf(exception: unknown): Code {
    if (exception instanceof RefusalException || exception instanceof RefusalError)
      return exception.code;
    if (exception instanceof HttpException)
      return BY_STATUS.get(exception.getStatus()) ?? 'INTERNAL';
    // Thrown on purpose, to be told to the client.
    if (exception instanceof WsException)
      return exception.message === GUARD_SAID_NO ? 'FORBIDDEN' : 'INVALID_EVENT';
    return 'INTERNAL';
  }

  private tell(
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
    this.events?.refused(clientOf(socket), code, { eventType });
    if (isNativeSocket(socket)) socket.send(exceptionFrame(code, details));
    else if (isSocketIo(socket)) socket.emit('exception', describeRefusal(code, details));
  }
}

function detailsOf(exception: unknown): RefusalDetails {
  if (exception instanceof RefusalError) return { retryAfter: exception.retryAfter };
  if (!(exception instanceof RefusalException)) return {};
  const { id, retryAfter } = exception.details;
  return id === undefined ? { retryAfter } : { id, retryAfter };
}

function isNativeSocket(socket: object): socket is { send(text: string): void } {
  return 'readyState' in socket && 'send' in socket;
}

function isSocketIo(socket: object): socket is { emit(event: string, data: object): void } {
  return 'emit' in socket;
}
