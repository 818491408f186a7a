import type { Socket } from 'node:net';

/** What may wait for the end of a turn, in bytes; more leaves at once. */
const MAX_WAITING = 65_536;

/**
 * Has the first frame that a turn of the event loop has for a peer leave at once, and all others in one write at its
 * end: a system call costs more than most of what is done for a frame.
 */
export class WriteBatch {
  private readonly corked = new Set<Socket>();
  private turn = 0;
  private isFlushDue = false;
  private readonly flush = () => {
    this.isFlushDue = false;
    // A small integer for ever.
    this.turn = (this.turn + 1) | 0;
    for (const socket of this.corked) this.release(socket);
  };

  /**
   * To be called before a frame is written.
   *
   * @param last what this returned before the frame that the socket was sent last
   */
  add(socket: Socket, last: number | undefined): number {
    if (!this.isFlushDue) {
      this.isFlushDue = true;
      setImmediate(this.flush);
    }
    if (last === this.turn) this.hold(socket);
    return this.turn;
  }

  private hold(socket: Socket): void {
    if (!this.corked.has(socket)) {
      this.corked.add(socket);
      socket.cork();
    } else if (socket.writableLength > MAX_WAITING) this.release(socket);
  }

  private release(socket: Socket): void {
    this.corked.delete(socket);
    socket.uncork();
  }
}
