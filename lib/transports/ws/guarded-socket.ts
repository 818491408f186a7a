import { Logger } from '@nestjs/common';
import type { RawData, WebSocket } from 'ws';
import { logUnexpected } from '../../monitoring/index.js';
import { OWNER } from '../../connection/index.js';
import { type Code, errorFrame, factsOf } from '../../protocol/index.js';

const TOO_LARGE = factsOf('MESSAGE_TOO_LARGE').close;

const logger = new Logger('SemanticEvents');

/** The owner of a socket. Its methods run before event listeners. Listeners would cost memory for each socket. */
export interface SocketOwner {
  received?(data: RawData, isBinary: boolean): void;
  pinged?(data: Buffer): void;
  ponged?(): void;
  /** Called when too many bytes are queued, to write the bytes that still wait for the end of the turn. */
  flush?(): void;
  /** Called before the socket closes, so that the owner handles the messages that arrived before. */
  ending?(): void;
  /** Called when the socket itself has begun to close. */
  closing(code: Code): void;
  /** @param reason the close code */
  closed?(reason: number): void;
}

export interface GuardedSocket extends WebSocket {
  /** Closes the socket if its queue is too long. @returns whether it accepts more data */
  checkQueue(): boolean;
}

/**
 * Returns a socket class for a ws server that differs from that of ws in four ways. It has an owner. Its queue is bounded: the
 * server closes a client that does not read. If a message is too large, the client receives an error frame before ws closes. A
 * protocol error without a listener ends the connection, never the process.
 *
 * @param maxBufferedBytes bytes that may wait to be sent to one client
 * @param tooLarge the error frame for a message that is too large
 */
export function guardedSocket(
  Base: typeof WebSocket,
  maxBufferedBytes: number,
  tooLarge = errorFrame('MESSAGE_TOO_LARGE'),
): typeof WebSocket {
  return class extends Base implements GuardedSocket {
    #owner: SocketOwner | undefined;

    // Private, so that logging a socket does not log its owner.
    get [OWNER](): SocketOwner | undefined {
      return this.#owner;
    }

    set [OWNER](owner: SocketOwner | undefined) {
      this.#owner = owner;
    }

    override emit(event: string | symbol, ...args: unknown[]): boolean {
      if (event === 'error' && this.listenerCount(event) === 0) return false;
      // ws calls this from events of the TCP socket. An error that a listener throws there would end the process.
      try {
        if (this.#owner) notifyOwner(this.#owner, event, args);
        return super.emit(event, ...args);
      } catch (error) {
        logUnexpected(logger, error);
        this.terminate();
        return true;
      }
    }

    override send(data: unknown, ...args: unknown[]): void {
      // The server writes its own frames past ws, and one of them could land within a fragmented message.
      if ((args[0] as { fin?: boolean } | undefined)?.fin === false)
        throw new TypeError(
          'SemanticEventsAdapter sends whole messages only: call send() without { fin: false }',
        );
      // For a closing socket ws would copy the data first, and then drop it.
      const isOpen = this.checkQueue();
      super.send(...([isOpen ? data : '', ...args] as Parameters<WebSocket['send']>));
    }

    // Pongs wait in the same queue.
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
        this.resumeReading();
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

    /** Resumes reading, so that the close frame of the client is read. */
    private resumeReading(): void {
      if (this.isPaused) this.resume();
    }

    private closeFor(code: Code): void {
      super.close(factsOf(code).close, code);
      this.resumeReading();
      this.#owner?.closing(code);
    }
  };
}

function notifyOwner(owner: SocketOwner, event: string | symbol, [first, second]: unknown[]): void {
  if (event === 'message') owner.received?.(first as RawData, second as boolean);
  else if (event === 'ping') owner.pinged?.(first as Buffer);
  else if (event === 'pong') owner.ponged?.();
  else if (event === 'close') owner.closed?.(first as number);
}
