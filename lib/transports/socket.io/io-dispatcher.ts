import type { EventEmitter } from 'node:events';
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
  /** Calls the callback that the application passed to `emit`. */
  onack: (this: unknown, packet: AckPacket) => void;
  /** These callbacks, by the id of the message. */
  readonly acks: Map<unknown, unknown>;
}

/** The answer of a client to a message of the server. */
interface AckPacket extends Packet {
  readonly id?: number;
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
    containListeners(socket, error => {
      this.fail(error);
    });
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
    const { onack, onevent, run } = socket;
    const end = (error: unknown) => {
      this.fail(error);
    };
    socket.onevent = contained((packet: Packet) => {
      const [name, ...args] = packet.data ?? [];
      if (this.admits(name, args)) onevent.call(socket, packet);
    }, end);
    socket.run = contained((event: readonly unknown[], done: (error?: Error | null) => void) => {
      const { frame } = this.connection;
      // The middleware may be asynchronous: what a listener throws would then be its rejection.
      const proceed = contained((error?: Error | null) => {
        if (error || this.finds(event)) {
          // Socket.IO calls the handlers in the next tick, when the current frame is another one.
          this.connection.restoreFrame(frame);
          done(error);
        }
      }, end);
      run.call(socket, event, proceed);
    }, end);
    socket.onack = contained((packet: AckPacket) => {
      if (!this.admitsAck(packet.data ?? [])) return;
      const { acks } = socket;
      const callback = acks.get(packet.id);
      // The callback may be an asynchronous function, whose rejection Socket.IO would drop.
      if (typeof callback === 'function')
        acks.set(
          packet.id,
          contained((...args: unknown[]): unknown => callback.apply(socket, args) as unknown, end),
        );
      onack.call(socket, packet);
    }, end);
  }

  /** Checks the arguments of an acknowledgement like those of a message. */
  private admitsAck(args: readonly unknown[]): boolean {
    const { channel, connection } = this;
    if (!connection.isReceiving || !connection.isOpen) return false;
    if (this.isPlain(args)) return true;
    channel.refuse('INVALID_EVENT', { reason: NOT_PLAIN }, 'nest');
    return false;
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
    return this.deniesAnonymous(message) ?? (this.isPlain(data) ? undefined : 'INVALID_EVENT');
  }

  private isPlain(data: readonly unknown[]): boolean {
    const { maxDepth } = this.connection.services.options.event;
    return data.every(item => isPlainJson(item, maxDepth));
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

type Listener = (...args: unknown[]) => unknown;

/**
 * Wraps the listeners that gateways add to a socket. Socket.IO calls them where an error, or the rejection of an asynchronous one,
 * would end the process.
 */
function containListeners(socket: IoSocket, failed: (error: unknown) => void): void {
  const emitter = socket as unknown as EventEmitter;
  const on = emitter.on.bind(emitter);
  const wrapped = (listener: Listener & { listener?: Listener }): Listener =>
    Object.assign(contained(listener, failed), {
      // Node compares this member, too, when a listener is removed.
      listener: listener.listener ?? listener,
    });
  emitter.on = emitter.addListener = (name, listener: Listener) => on(name, wrapped(listener));
  emitter.once = (name, listener: Listener) => {
    const once: Listener = (...args) => {
      emitter.off(name, listener);
      return listener.apply(socket, args);
    };
    return on(name, Object.assign(contained(once, failed), { listener }));
  };
}
