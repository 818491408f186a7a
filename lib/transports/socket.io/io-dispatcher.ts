import { Subject } from 'rxjs';
import { type Connection, NOT_PUBLIC } from '../../connection/guarded/index.js';
import { isPlainJson } from '../../event/index.js';
import { eventIdOf } from '../../handler/index.js';
import { contained, thrown } from '../../monitoring/index.js';
import type { Code } from '../../protocol/index.js';
import { type Ack, callHandler, type IoHandler } from './io-call.js';
import type { IoChannel } from './io-channel.js';
import { handleControl } from './io-control.js';
import type { IoSocket, Transform } from './io-types.js';

const NO_HANDLER = 'no @SubscribeMessage of a gateway in this namespace has this name';
const NOT_PLAIN =
  'an argument has a member __proto__, a lone surrogate, -0, a number beyond a double, or too many levels';

interface Packet {
  readonly data?: readonly unknown[];
}

/** The private methods by which Socket.IO handles a message. */
interface SocketSteps {
  /** Calls the listeners of `onAny`, and then `run`. */
  onevent: (this: unknown, packet: Packet) => void;
  /** Runs the middleware of the application, and then calls the listeners of the message. */
  run: (this: unknown, event: readonly unknown[], done: (error?: Error | null) => void) => void;
}

/**
 * Passes the messages of a client in one namespace to handlers, and answers. It denies by default: an anonymous client reaches
 * only `@Public()` handlers, and a message without a handler is refused.
 */
export class IoDispatcher {
  private readonly handlers = new Map<string, IoHandler[]>();
  private readonly gone = new Subject<void>();

  constructor(
    private readonly connection: Connection<string>,
    readonly channel: IoChannel,
    private readonly socket: IoSocket,
  ) {
    this.interceptMessages(socket as unknown as SocketSteps);
    socket.once(
      'disconnect',
      contained(() => {
        this.gone.next();
        connection.left(channel);
        connection.services.hooks.left(connection.client, socket);
      }),
    );
  }

  /** @param split separates data and acknowledgement */
  bind(
    message: string,
    handler: IoHandler,
    transform: Transform,
    split: (payload: unknown) => { data: unknown; ack?: Ack },
  ): void {
    this.handlers.set(message, [...(this.handlers.get(message) ?? []), handler]);
    this.socket.on(
      message,
      contained(
        (...args: unknown[]) => {
          if (!handler.isPublic && this.connection.isAnonymous) return;
          const { data, ack } = split(args.length > 1 ? args : args[0]);
          const { channel, connection, gone, socket } = this;
          const call = { name: message, data, ack };
          callHandler(handler, call, transform, { channel, connection, gone, socket });
        },
        error => {
          this.fail(error);
        },
      ),
    );
  }

  /**
   * Checks a message before Socket.IO calls the listeners of `onAny`. It looks for a handler after the middleware of the
   * application, which may rename a message.
   */
  private interceptMessages(socket: SocketSteps): void {
    const { onevent, run } = socket;
    const end = (error: unknown) => {
      this.fail(error);
    };
    socket.onevent = contained((packet: Packet) => {
      const [name, ...args] = packet.data ?? [];
      if (this.admits(name, args)) onevent.call(socket, packet);
    }, end);
    socket.run = contained((event: readonly unknown[], done: (error?: Error | null) => void) => {
      const { frame } = this.connection;
      run.call(socket, event, error => {
        if (error || this.finds(event)) {
          // Socket.IO calls the handlers in the next tick, when the current frame is another one.
          this.connection.restoreFrame(frame);
          done(error);
        }
      });
    }, end);
  }

  private finds([name, ...args]: readonly unknown[]): boolean {
    const message = String(name);
    const code =
      this.deniesAnonymous(message) ?? (this.handles(message) ? undefined : 'UNKNOWN_EVENT');
    const data = args.find(arg => typeof arg !== 'function');
    const reason = code === 'UNKNOWN_EVENT' ? NO_HANDLER : NOT_PUBLIC;
    if (code) this.channel.refuse(code, { id: eventIdOf(data), reason }, 'nest', message);
    return code === undefined;
  }

  private admits(name: unknown, args: readonly unknown[]): boolean {
    const { channel, connection } = this;
    if (!connection.isReceiving || !connection.isOpen) return false;
    const message = String(name);
    const data = args.filter(arg => typeof arg !== 'function');
    if (!this.handles(message) && handleControl(message, data[0], connection, channel))
      return false;
    const code = this.refusalOf(message, data);
    const reason = code === 'INVALID_EVENT' ? NOT_PLAIN : NOT_PUBLIC;
    if (code) this.channel.refuse(code, { id: eventIdOf(data[0]), reason }, 'nest', message);
    return code === undefined;
  }

  private refusalOf(message: string, data: readonly unknown[]): Code | undefined {
    const { maxDepth } = this.connection.services.options.event;
    const isPlain = data.every(item => isPlainJson(item, maxDepth));
    return this.deniesAnonymous(message) ?? (isPlain ? undefined : 'INVALID_EVENT');
  }

  private deniesAnonymous(message: string): Code | undefined {
    const isPublic = this.handlers.get(message)?.some(handler => handler.isPublic) ?? false;
    return this.connection.isAnonymous && !isPublic ? 'UNAUTHENTICATED' : undefined;
  }

  private fail(error: unknown): void {
    this.connection.end('INTERNAL', { reason: thrown(error) });
  }

  /**
   * Returns whether a handler or a listener of a gateway exists. Every socket listens to `error`, so that name does not count.
   */
  private handles(message: string): boolean {
    return (
      this.handlers.has(message) || (message !== 'error' && this.socket.listenerCount(message) > 0)
    );
  }
}
