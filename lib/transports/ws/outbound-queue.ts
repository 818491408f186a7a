import type { Socket } from 'node:net';
import { attempt, contained } from '../../monitoring/index.js';

/** The bytes that may wait for the end of a turn. Further data is written at once. */
const MAX_WAITING = 65_536;

/**
 * Sends all frames that one turn of the event loop has for a client in one write. A system call costs more than most other work
 * for a frame.
 */
export class OutboundQueue {
  private corked: Socket[] = [];
  private turn = 0;
  private isFlushDue = false;
  private readonly flush = contained(() => {
    this.isFlushDue = false;
    // V8 stores a small integer without an object.
    this.turn = (this.turn + 1) | 0;
    const { corked } = this;
    this.corked = [];
    for (const socket of corked)
      attempt(() => {
        socket.uncork();
      });
  });

  /**
   * Call this before you write an answer: it leaves at the end of the turn. Writing all answers together costs less, because the
   * work for one message then stays in the caches.
   */
  cork(socket: Socket): void {
    this.flushLater();
    if (socket.writableCorked === 0) {
      this.corked.push(socket);
      socket.cork();
    } else if (socket.writableLength > MAX_WAITING) socket.uncork();
  }

  /** Writes the waiting frames of a socket before the end of the turn. */
  uncork(socket: Socket): void {
    socket.uncork();
  }

  /**
   * Call this before you write a frame that many clients receive. The first one of a turn leaves at once, unless the socket
   * already has waiting frames.
   *
   * @param last the return value for the last such frame of this socket
   */
  corkAfterFirst(socket: Socket, last: number | undefined): number {
    this.flushLater();
    if (last === this.turn) this.cork(socket);
    return this.turn;
  }

  private flushLater(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    process.nextTick(this.flush);
  }
}
