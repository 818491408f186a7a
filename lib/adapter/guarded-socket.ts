import type { WebSocket } from 'ws';
import { type Code, errorFrame, factsOf } from '../protocol/index.js';

const TOO_LARGE = factsOf('MESSAGE_TOO_LARGE').close;

/** Emitted, with a `Code`, by a socket that has begun to close by itself. */
export const CLOSING = 'semantic-events:closing';

/**
 * The socket class of a ws server, with two differences. Its queue is bounded: a peer that does not read what it
 * is sent is closed, by whomever it is sent. And where ws closes by itself over a message that is too large, the
 * peer is told in an error frame first, as of every other refusal.
 *
 * @param maxBufferedBytes bytes waiting to be sent to one peer
 * @param tooLarge the frame that tells of a message that is too large
 */
export function guardedSocket(
  Base: typeof WebSocket,
  maxBufferedBytes: number,
  tooLarge = errorFrame('MESSAGE_TOO_LARGE'),
): typeof WebSocket {
  return class GuardedSocket extends Base {
    override send(data: unknown, ...args: unknown[]): void {
      this.checkQueue();
      // Of what is sent to a socket that closes, ws would make a copy first and then drop it.
      const isOpen = this.readyState === this.OPEN;
      super.send(...([isOpen ? data : '', ...args] as Parameters<WebSocket['send']>));
    }

    // The answers to pings wait in the same queue.
    override pong(...args: unknown[]): void {
      this.checkQueue();
      super.pong(...(args as Parameters<WebSocket['pong']>));
    }

    override close(code?: number, reason?: string | Buffer): void {
      if (code === TOO_LARGE && reason === undefined && this.readyState === this.OPEN) {
        this.send(tooLarge);
        this.closeFor('MESSAGE_TOO_LARGE');
      } else {
        super.close(code, reason);
        this.readOn();
      }
    }

    private checkQueue(): void {
      if (this.readyState === this.OPEN && this.bufferedAmount > maxBufferedBytes)
        this.closeFor('SLOW_CONSUMER');
    }

    /** The peer's close frame must be read, even where nothing else is. */
    private readOn(): void {
      if (this.isPaused) this.resume();
    }

    private closeFor(code: Code): void {
      super.close(factsOf(code).close, code);
      this.readOn();
      this.emit(CLOSING, code);
    }
  };
}
