import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { RawData, WebSocket } from 'ws';
import { errorText, logUnexpected } from '../../monitoring/index.js';
import { OWNER } from '../../connection/index.js';
import type { PerMessageDeflateOptions } from '../../options/index.js';
import { type Code, errorFrame, factsOf } from '../../protocol/index.js';
import type { SocketOwner } from './socket-owner.js';
import { type ReadLimits, SocketReading } from './socket-reading.js';

const TOO_LARGE = factsOf('MESSAGE_TOO_LARGE').close;
/** The codes with which ws closes after a frame that violates RFC 6455, is not UTF-8, or has too many fragments. */
const VIOLATIONS = [1002, 1007, 1008];
/** The codes for a close frame without a code, and for a connection that ends without a close frame (RFC 6455, section 7.4.1). */
const NO_CODE = 1005;
const NO_FRAME = 1006;

const logger = new Logger('SemanticEvents');

export interface GuardedSocket extends WebSocket {
  /** Closes the socket if its queue is too long. @returns whether it accepts more data */
  checkQueue(): boolean;
  /** Lifts the limits for unauthenticated clients. */
  liftLimits(): void;
  /** Ignores everything that the client still sends, and ends the connection if that is too much. `close` calls it. */
  stopReading(): void;
}

export interface SocketLimits extends ReadLimits {
  readonly perMessageDeflate: false | PerMessageDeflateOptions;
}

type SendOptions = Partial<Record<'binary' | 'compress' | 'fin' | 'mask', boolean>>;
type Sent = (error?: Error) => void;
type SendArguments = [
  data: Parameters<WebSocket['send']>[0],
  options?: SendOptions | Sent,
  sent?: Sent,
];

/** The private method by which ws passes a TCP connection to its WebSocket. */
interface SetSocket {
  setSocket(tcp: Socket, ...args: unknown[]): void;
}

/**
 * Returns a socket class for a ws server that differs from that of ws in five ways. It has an owner. Its queue is bounded: the
 * server closes a client that does not read. Once it closes, it parses no more frames. If a message is too large, the client
 * receives an error frame before ws closes. A protocol error without a listener ends the connection, never the process.
 *
 * @param tooLarge the error frame for a message that is too large
 */
export function guardedSocket(
  Base: typeof WebSocket,
  limits: SocketLimits,
  tooLarge = errorFrame('MESSAGE_TOO_LARGE'),
): typeof WebSocket {
  return class extends Base implements GuardedSocket {
    #owner: SocketOwner | undefined;
    #reading: SocketReading | undefined;
    /** The arguments of the first `close`. */
    #closing: [code: number | undefined, reason: string | Buffer | undefined] | undefined;
    /** Whether ws itself has closed. It emits the error afterwards. */
    #isViolated = false;

    setSocket(tcp: Socket, ...args: unknown[]): void {
      (Base.prototype as unknown as SetSocket).setSocket.call(this, tcp, ...args);
      this.#reading = new SocketReading(this, tcp, limits);
    }

    // Private, so that logging a socket does not log its owner.
    get [OWNER](): SocketOwner | undefined {
      return this.#owner;
    }

    set [OWNER](owner: SocketOwner | undefined) {
      this.#owner = owner;
    }

    override emit(event: string | symbol, ...args: unknown[]): boolean {
      // ws calls this from events of the TCP socket. An error that a listener throws there would end the process.
      try {
        if (event === 'error') {
          if (this.#isViolated) this.#owner?.closing('BAD_FRAME', errorText(args[0], 'message'));
          if (this.listenerCount(event) === 0) return false;
        }
        // ws may still have been inflating a message when the server closed.
        if (event === 'message' && this.#reading?.isStopped) return false;
        const given = event === 'close' ? this.#closedWith(args) : args;
        if (this.#owner) notifyOwner(this.#owner, event, given);
        return super.emit(event, ...given);
      } catch (error) {
        logUnexpected(logger, error);
        this.terminate();
        return true;
      }
    }

    override send(...[data, ...args]: SendArguments): void {
      // The server writes its own frames past ws, and one of them could land within a fragmented message.
      if ((args[0] as SendOptions | undefined)?.fin === false)
        throw new TypeError(
          'SemanticEventsAdapter sends whole messages only: call send() without { fin: false }',
        );
      // For a closing socket ws would copy the data first, and then drop it.
      const given: SendArguments = [this.checkQueue() ? data : '', ...args];
      super.send(
        ...((this.extensions === '' ? given : this.#charged(given)) as Parameters<
          WebSocket['send']
        >),
      );
    }

    // Pongs wait in the same queue.
    override pong(...args: unknown[]): void {
      this.checkQueue();
      super.pong(...(args as Parameters<WebSocket['pong']>));
    }

    override close(code?: number, reason?: string | Buffer): void {
      this.#owner?.ending?.();
      const isByWs = code !== undefined && reason === undefined && this.readyState === this.OPEN;
      if (isByWs && code === TOO_LARGE) {
        this.send(tooLarge);
        this.closeFor('MESSAGE_TOO_LARGE', 'larger than maxMessageSize of the gateway');
      } else {
        this.#isViolated = isByWs && VIOLATIONS.includes(code);
        const [endCode = code, endReason = reason] = code
          ? []
          : (this.#owner?.closesWith?.() ?? []);
        this.#closeWith(endCode, endReason);
      }
    }

    override terminate(): void {
      this.#owner?.ending?.();
      // ws would still parse what it has read from a paused client.
      this.#reading?.stopParser();
      super.terminate();
    }

    liftLimits(): void {
      this.#reading?.liftLimits();
    }

    stopReading(): void {
      this.#reading?.stop();
    }

    checkQueue(): boolean {
      if (this.readyState !== this.OPEN) return false;
      if (this.bufferedAmount <= limits.maxBufferedBytes) return true;
      this.#owner?.flush?.();
      if (this.bufferedAmount <= limits.maxBufferedBytes) return true;
      this.closeFor('SLOW_CONSUMER', 'more than connection.maxBufferedBytes wait for the client');
      return false;
    }

    /** Returns the arguments of `send` for a client that can receive compressed messages. */
    #charged([data, first, second]: SendArguments): SendArguments {
      const options = typeof first === 'function' ? undefined : first;
      const sent = typeof first === 'function' ? first : second;
      const { perMessageDeflate } = limits;
      const size = sizeOf(data);
      const compress =
        perMessageDeflate !== false &&
        size >= perMessageDeflate.threshold &&
        options?.compress !== false &&
        this.#owner?.mayCompress?.(size) !== false;
      return [data, { ...options, compress }, sent];
    }

    private closeFor(code: Code, reason: string): void {
      this.#closeWith(factsOf(code).close, code);
      this.#owner?.closing(code, reason);
    }

    #closeWith(code?: number, reason?: string | Buffer): void {
      this.#closing ??= [code, reason];
      super.close(code, reason);
      this.#reading?.stop();
      this.#reading?.endIfAnswered();
    }

    /** Returns the arguments of the event `close`. The server does not parse the answer of a client to its own close frame. */
    #closedWith(args: unknown[]): unknown[] {
      if (args[0] !== NO_FRAME || !this.#reading?.isAnswered) return args;
      const [code = NO_CODE, reason = ''] = this.#closing ?? [];
      return [code, Buffer.from(reason)];
    }
  };
}

/** Returns the size of a message in bytes. */
function sizeOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0;
}

function notifyOwner(owner: SocketOwner, event: string | symbol, [first, second]: unknown[]): void {
  if (event === 'message') owner.received?.(first as RawData, second as boolean);
  else if (event === 'ping') owner.pinged?.(first as Buffer);
  else if (event === 'pong') owner.ponged?.();
  else if (event === 'close') owner.closed?.(first as number);
}
