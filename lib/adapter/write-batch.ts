import type { Socket } from 'node:net';

/** What may wait for the end of a turn, in bytes; more leaves at once. */
const MAX_WAITING = 65_536;

/**
 * Lets the frames that one turn of the event loop has for a peer leave in one write: a system call costs more than
 * most of what is done for a frame.
 */
export class WriteBatch {
  private readonly corked = new Set<Socket>();

  /** To be called before a frame is written. */
  add(socket: Socket): void {
    if (this.corked.has(socket)) {
      if (socket.writableLength > MAX_WAITING) this.release(socket);
      return;
    }
    if (this.corked.size === 0)
      setImmediate(() => {
        this.flush();
      });
    this.corked.add(socket);
    socket.cork();
  }

  private flush(): void {
    for (const socket of this.corked) this.release(socket);
  }

  private release(socket: Socket): void {
    this.corked.delete(socket);
    socket.uncork();
  }
}
