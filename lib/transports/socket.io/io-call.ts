import { from, isObservable, type Observable, takeUntil } from 'rxjs';
import { type Connection, LOST_ROLE, replyFailure } from '../../connection/guarded/index.js';
import { receivedAs, type SemanticEvent } from '../../event/index.js';
import { eventIdOf } from '../../handler/index.js';
import { assertAwaited } from '../../maybe-promise.js';
import { attempt, contained, errorContext, logOnly, thrown } from '../../monitoring/index.js';
import { messageData, ReservedFrameError, reservedMessage } from '../../protocol/index.js';
import { eventAnswer, isEventAnswer } from '../../signing/index.js';
import type { IoChannel } from './io-channel.js';
import type { IoSocket, Transform } from './io-types.js';

export type Ack = (answer: unknown) => void;

/** A handler as Nest passes it to an adapter: it includes guards, pipes, interceptors and filters. */
export interface IoHandler {
  readonly callback: (data: unknown, ack?: Ack) => unknown;
  readonly isPublic: boolean;
  /** Whether the handler itself calls the acknowledgement, by `@Ack()`. */
  readonly isAckHandled: boolean;
  /** Whether replies to semantic events are signed. */
  readonly signsReply: boolean;
}

/** A message of a client. */
interface Message {
  readonly name: string;
  readonly data: unknown;
  readonly ack?: Ack;
}

/** The client that sent a message, in one namespace. */
export interface Caller {
  readonly connection: Connection<string>;
  readonly channel: IoChannel;
  readonly socket: IoSocket;
  /** Emits when the client has left the namespace. */
  readonly gone: Observable<void>;
}

/** Calls a handler, and answers. Never throws. @param transform converts the handler's result into an Observable */
export function callHandler(
  handler: IoHandler,
  { name, data, ack }: Message,
  transform: Transform,
  { connection, channel, socket, gone }: Caller,
): void {
  const { client, services } = connection;
  const fail = (error: unknown, before = '') => {
    const event = { eventType: name, eventId: eventIdOf(data) };
    const reason = before + thrown(error);
    logOnly(services.logger, error, undefined, before || 'A handler threw ');
    channel.refuse('INTERNAL', { id: event.eventId, reason }, 'nest', name);
    services.errors.report(error, errorContext('handler', client, event));
  };
  // It runs after the interceptors of the application, which may remove members of the result.
  const replyTo = (result: unknown): unknown => {
    if (!handler.signsReply || receivedAs(data) !== 'nest' || isNothing(result)) return result;
    const { type, text } = services.replies.answer(data as SemanticEvent, result, client);
    return eventAnswer(type, JSON.parse(text) as SemanticEvent);
  };
  let isAcknowledged = handler.isAckHandled;
  const acknowledge = (answer: unknown) => {
    if (isAcknowledged || !ack) return false;
    isAcknowledged = true;
    ack(answer);
    return true;
  };
  const done = connection.begin();
  const called = (async () => awaited(await handler.callback(data, ack)))();
  const answered = new Promise<void>(resolve => {
    const answers = from(transform(called))
      .pipe(takeUntil(gone))
      .subscribe({
        next: (result: unknown) => {
          try {
            answer(replyTo(awaited(result)), name, socket, acknowledge);
          } catch (error) {
            attempt(() => {
              fail(error, replyFailure(error));
            });
          }
        },
        // Nest's filters catch the errors of handlers. Only an error of a filter arrives here.
        error: contained((error: unknown) => {
          fail(error);
        }),
      });
    answers.add(resolve);
    const end = () => {
      channel.refuse('FORBIDDEN', { id: eventIdOf(data), reason: LOST_ROLE }, 'nest', name);
      answers.unsubscribe();
    };
    called.then(
      contained((result: unknown) => {
        if (isObservable(result) && !answers.closed) answers.add(connection.streaming(end));
      }),
      () => undefined,
    );
  });
  // A client that left the namespace receives no answers, but its running handlers continue.
  void Promise.allSettled([called, answered]).then(contained(done));
}

/**
 * Answers as Socket.IO does: by an event if the handler names one, otherwise by the acknowledgement. The reply to a semantic
 * event is an event. If the client asked for an acknowledgement, it receives the reply there.
 *
 * @param message the name of the message
 * @throws ReservedFrameError if the handler names a message of the server: it may return what another client has stored
 */
function answer(
  result: unknown,
  message: string,
  socket: IoSocket,
  acknowledge: (answer: unknown) => boolean,
): void {
  if (isNothing(result)) return;
  const { event, data } = result as { event?: unknown; data?: unknown };
  if (typeof event !== 'string') acknowledge(result);
  else if (!isEventAnswer(result) || !acknowledge(data)) {
    const sent = messageData(event, data);
    const reserved = reservedMessage(event, sent);
    if (reserved !== undefined) throw new ReservedFrameError(message, reserved);
    socket.emit(event, sent);
  }
}

/** Returns a result. @throws TypeError if it has a promise in it, which Socket.IO would send as an empty object */
function awaited(result: unknown): unknown {
  if (!isObservable(result)) assertAwaited(result);
  return result;
}

function isNothing(result: unknown): result is undefined | null {
  return result === undefined || result === null;
}
