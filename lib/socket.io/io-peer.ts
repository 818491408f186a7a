import { from, Subject, takeUntil } from 'rxjs';
import type { ConnectionServices, RefusalOutlet } from '../adapter/index.js';
import { type FrameForm, isMeantAsEvent, isPlainJson } from '../event/index.js';
import { eventIdOf } from '../handler/index.js';
import { logUnexpected } from '../monitoring/index.js';
import type { AuthSuccess, Code, RefusalDetails } from '../protocol/index.js';
import type { IoConnection } from './io-connection.js';
import type { IoSocket, Transform } from './io-types.js';

/** Renews a session, unless a gateway handles a message of that name. */
const AUTH = 'auth';

type Ack = (answer: unknown) => void;

/** A handler as Nest hands it to an adapter: guards, pipes, interceptors and filters included. */
export interface IoHandler {
  readonly callback: (data: unknown, ack?: Ack) => unknown;
  readonly isPublic: boolean;
  /** Whether it calls the acknowledgement by itself, by `@Ack()`. */
  readonly isAckHandled: boolean;
}

/** A client in one namespace: decides which of its messages reach handlers, and answers. */
export class IoPeer implements RefusalOutlet {
  private readonly handlers = new Map<string, IoHandler[]>();
  private readonly gone = new Subject<void>();

  constructor(
    readonly connection: IoConnection,
    private readonly socket: IoSocket,
    private readonly services: ConnectionServices,
    private welcome: AuthSuccess | undefined,
  ) {
    socket.use(([name, ...args], next) => {
      if (this.admits(name, args)) next();
    });
    socket.once('disconnect', () => {
      this.gone.next();
    });
  }

  /** Called once the client is in its namespace. */
  greet(): void {
    if (!this.welcome) return;
    const { type, ...body } = this.welcome;
    this.welcome = undefined;
    this.socket.emit(type, body);
  }

  /** @param split takes data and acknowledgement apart */
  bind(
    message: string,
    handler: IoHandler,
    transform: Transform,
    split: (payload: unknown) => { data: unknown; ack?: Ack },
  ): void {
    this.handlers.set(message, [...(this.handlers.get(message) ?? []), handler]);
    this.socket.on(message, (...args: unknown[]) => {
      if (!handler.isPublic && this.connection.isAnonymous) return;
      const { data, ack } = split(args.length > 1 ? args : args[0]);
      this.call(handler, transform, data, ack);
    });
  }

  refuse(code: Code, details: RefusalDetails, _form?: FrameForm, eventType?: string): void {
    this.connection.refuse(code, details, { socket: this.socket, eventType });
  }

  private admits(name: unknown, args: readonly unknown[]): boolean {
    const { connection } = this;
    if (!connection.isTaking) return false;
    const message = String(name);
    const data = args.filter(arg => typeof arg !== 'function');
    if (message === AUTH && !this.handles(AUTH)) {
      connection.entrance.renew((data[0] as { token?: unknown } | null | undefined)?.token);
      return false;
    }
    const code = this.refusalOf(message, data);
    if (code) this.refuse(code, { id: eventIdOf(data[0]) }, 'nest', message);
    return code === undefined;
  }

  private refusalOf(message: string, data: readonly unknown[]): Code | undefined {
    const { maxDepth } = this.services.options.event;
    const isPublic = this.handlers.get(message)?.some(handler => handler.isPublic) ?? false;
    if (this.connection.isAnonymous && !isPublic) return 'UNAUTHENTICATED';
    if (!this.handles(message)) return 'UNKNOWN_EVENT';
    return data.every(item => isPlainJson(item, maxDepth)) ? undefined : 'INVALID_EVENT';
  }

  /** Also by what a gateway listens to by itself; every socket listens to `error`. */
  private handles(message: string): boolean {
    return (
      this.handlers.has(message) || (message !== 'error' && this.socket.listenerCount(message) > 0)
    );
  }

  private call(handler: IoHandler, transform: Transform, data: unknown, ack?: Ack): void {
    const { connection, socket } = this;
    const fail = (error: unknown) => {
      logUnexpected(this.services.logger, error);
      this.refuse('INTERNAL', { id: eventIdOf(data) });
    };
    let isAcknowledged = handler.isAckHandled;
    const acknowledge = (answer: unknown) => {
      if (isAcknowledged || !ack) return false;
      isAcknowledged = true;
      ack(answer);
      return true;
    };
    connection.calls.begin();
    const called = (async () => handler.callback(data, ack))();
    const answered = new Promise<void>(resolve => {
      from(transform(called))
        .pipe(takeUntil(this.gone))
        .subscribe({
          next: (result: unknown) => {
            try {
              answer(result, socket, acknowledge);
            } catch (error) {
              fail(error);
            }
          },
          // Nest's filters take what a handler throws; this is what they throw themselves.
          error: fail,
        })
        .add(resolve);
    });
    // Who leaves the namespace is answered no more, but what a handler has begun goes on.
    void Promise.allSettled([called, answered]).then(() => {
      connection.handlerFinished();
    });
  }
}

/**
 * Answers in Socket.IO's own way: by an event where a handler names one, by the acknowledgement otherwise. An answer
 * to a semantic event is one itself; who asks for an acknowledgement gets it there.
 */
function answer(
  result: unknown,
  socket: IoSocket,
  acknowledge: (answer: unknown) => boolean,
): void {
  if (result === undefined || result === null) return;
  const { event, data } = result as { event?: unknown; data?: unknown };
  if (typeof event !== 'string') acknowledge(result);
  else if (!isMeantAsEvent(data) || !acknowledge(data)) socket.emit(event, data);
}
