import type { Socket } from 'node:net';

/** What may wait for the end of a turn, in bytes; more leaves at once. */
const MAX_WAITING = 65_536;

/**
 * Has what a turn of the event loop has for a peer leave in one write: a system call costs more than most of what is
 * done for a frame.
 */
export class WriteBatch {
  private corked: Socket[] = [];
  private turn = 0;
  private isFlushDue = false;
  private readonly flush = () => {
    this.isFlushDue = false;
    // A small integer for ever.
    this.turn = (this.turn + 1) | 0;
    const { corked } = this;
    this.corked = [];
    for (const socket of corked) socket.uncork();
  };

  /**
   * To be called before an answer is written: it leaves at the end of the turn. Written one after the other, answers to
   * many peers cost less than between the work of one and that of the next, each of which finds its reader asleep.
   */
  hold(socket: Socket): void {
    this.flushLater();
    if (socket.writableCorked === 0) {
      this.corked.push(socket);
      socket.cork();
    } else if (socket.writableLength > MAX_WAITING) socket.uncork();
  }

  /** Has what waits leave before the end of the turn. */
  letGo(socket: Socket): void {
    socket.uncork();
  }

  /**
   * To be called before a frame is written that many are sent, one after the other anyway: the first of a turn leaves at
   * once, unless something waits already.
   *
   * @param last what this returned before the frame that the socket was sent last
   */
  pass(socket: Socket, last: number | undefined): number {
    this.flushLater();
    if (last === this.turn) this.hold(socket);
    return this.turn;
  }

  private flushLater(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    process.nextTick(this.flush);
  }
}
