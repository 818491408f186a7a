import type { RawData, WebSocket } from 'ws';
import { type Code, errorFrame, factsOf } from '../protocol/index.js';

const TOO_LARGE = factsOf('MESSAGE_TOO_LARGE').close;

export const OWNER = Symbol('owner');

/** Who a socket tells what happens to it, before those who listen to its events: listeners cost memory in each. */
export interface SocketOwner {
  received?(data: RawData, isBinary: boolean): void;
  pinged?(data: Buffer): void;
  ponged?(): void;
  /** Asked to let go what waits for us, and not for the peer, when too much does. */
  flush?(): void;
  /** Told before the socket closes, by whomever it is closed: what came before has still to be handled. */
  ending?(): void;
  /** Told when the socket has begun to close by itself. */
  closing(code: Code): void;
  /** @param reason the close code */
  closed?(reason: number): void;
}

export interface GuardedSocket extends WebSocket {
  /** Closes the peer where too much waits for it. @returns whether it may be sent more */
  checkQueue(): boolean;
}

/**
 * The socket class of a ws server, with these differences. It has an owner. Its queue is bounded: a peer that does not
 * read what it is sent is closed, by whomever it is sent. Where ws closes by itself over a message that is too large,
 * the peer is told in an error frame first, as of every other refusal. And what a peer does wrong at the level of ws
 * ends its connection, but is nothing to end the process over where nobody listens to it.
 *
 * @param maxBufferedBytes bytes waiting to be sent to one peer
 * @param tooLarge the frame that tells of a message that is too large
 */
export function guardedSocket(
  Base: typeof WebSocket,
  maxBufferedBytes: number,
  tooLarge = errorFrame('MESSAGE_TOO_LARGE'),
): typeof WebSocket {
  return class extends Base implements GuardedSocket {
    #owner: SocketOwner | undefined;

    // Private, so that whoever logs a socket does not log all that is behind it.
    get [OWNER](): SocketOwner | undefined {
      return this.#owner;
    }

    set [OWNER](owner: SocketOwner | undefined) {
      this.#owner = owner;
    }

    override emit(event: string | symbol, ...args: unknown[]): boolean {
      if (event === 'error' && this.listenerCount(event) === 0) return false;
      if (this.#owner) tell(this.#owner, event, args);
      return super.emit(event, ...args);
    }

    override send(data: unknown, ...args: unknown[]): void {
      // Of what is sent to a socket that closes, ws would make a copy first and then drop it.
      const isOpen = this.checkQueue();
      super.send(...([isOpen ? data : '', ...args] as Parameters<WebSocket['send']>));
    }

    // The answers to pings wait in the same queue.
    override pong(...args: unknown[]): void {
      this.checkQueue();
      super.pong(...(args as Parameters<WebSocket['pong']>));
    }

    override close(code?: number, reason?: string | Buffer): void {
      this.#owner?.ending?.();
      if (code === TOO_LARGE && reason === undefined && this.readyState === this.OPEN) {
        this.send(tooLarge);
        this.closeFor('MESSAGE_TOO_LARGE');
      } else {
        super.close(code, reason);
        this.readOn();
      }
    }

    override terminate(): void {
      this.#owner?.ending?.();
      super.terminate();
    }

    checkQueue(): boolean {
      if (this.readyState !== this.OPEN) return false;
      if (this.bufferedAmount <= maxBufferedBytes) return true;
      this.#owner?.flush?.();
      if (this.bufferedAmount <= maxBufferedBytes) return true;
      this.closeFor('SLOW_CONSUMER');
      return false;
    }

    /** The peer's close frame must be read, even where nothing else is. */
    private readOn(): void {
      if (this.isPaused) this.resume();
    }

    private closeFor(code: Code): void {
      super.close(factsOf(code).close, code);
      this.readOn();
      this.#owner?.closing(code);
    }
  };
}

function tell(owner: SocketOwner, event: string | symbol, [first, second]: unknown[]): void {
  if (event === 'message') owner.received?.(first as RawData, second as boolean);
  else if (event === 'ping') owner.pinged?.(first as Buffer);
  else if (event === 'pong') owner.ponged?.();
  else if (event === 'close') owner.closed?.(first as number);
}
