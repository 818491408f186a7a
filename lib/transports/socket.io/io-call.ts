import { from, type Observable, takeUntil } from 'rxjs';
import type { Connection } from '../../connection/guarded/index.js';
import { eventIdOf } from '../../handler/index.js';
import { attempt, contained, errorContext, logOnly, thrown } from '../../monitoring/index.js';
import { isEventAnswer } from '../../signing/index.js';
import type { IoChannel } from './io-channel.js';
import type { IoSocket, Transform } from './io-types.js';

export type Ack = (answer: unknown) => void;

/** A handler as Nest passes it to an adapter: it includes guards, pipes, interceptors and filters. */
export interface IoHandler {
  readonly callback: (data: unknown, ack?: Ack) => unknown;
  readonly isPublic: boolean;
  /** Whether the handler itself calls the acknowledgement, by `@Ack()`. */
  readonly isAckHandled: boolean;
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
  { data, ack }: { readonly data: unknown; readonly ack?: Ack },
  transform: Transform,
  { connection, channel, socket, gone }: Caller,
): void {
  const fail = (error: unknown) => {
    const { client, services } = connection;
    const eventId = eventIdOf(data);
    logOnly(services.logger, error, undefined, 'A handler threw ');
    channel.refuse('INTERNAL', { id: eventId, reason: thrown(error) }, 'nest');
    services.errors.report(error, errorContext('handler', client, { eventId }));
  };
  let isAcknowledged = handler.isAckHandled;
  const acknowledge = (answer: unknown) => {
    if (isAcknowledged || !ack) return false;
    isAcknowledged = true;
    ack(answer);
    return true;
  };
  const done = connection.begin();
  const called = (async () => handler.callback(data, ack))();
  const answered = new Promise<void>(resolve => {
    from(transform(called))
      .pipe(takeUntil(gone))
      .subscribe({
        next: (result: unknown) => {
          try {
            answer(result, socket, acknowledge);
          } catch (error) {
            attempt(() => {
              fail(error);
            });
          }
        },
        // Nest's filters catch the errors of handlers. Only an error of a filter arrives here.
        error: contained(fail),
      })
      .add(resolve);
  });
  // A client that left the namespace receives no answers, but its running handlers continue.
  void Promise.allSettled([called, answered]).then(contained(done));
}

/**
 * Answers as Socket.IO does: by an event if the handler names one, otherwise by the acknowledgement. The reply to a semantic
 * event is an event. If the client asked for an acknowledgement, it receives the reply there.
 */
function answer(
  result: unknown,
  socket: IoSocket,
  acknowledge: (answer: unknown) => boolean,
): void {
  if (result === undefined || result === null) return;
  const { event, data } = result as { event?: unknown; data?: unknown };
  if (typeof event !== 'string') acknowledge(result);
  else if (!isEventAnswer(result) || !acknowledge(data)) socket.emit(event, data);
}
