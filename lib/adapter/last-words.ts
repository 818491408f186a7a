import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** How long a peer may take for what has left us already, once nothing more is read from it, in milliseconds. */
const LINGER = 1_000;

/**
 * Reads on from a peer that was closed because it does not read, for its close frame has still to come: not before it
 * has taken what it was sent, and not without end. A peer that has far more to say is cut off.
 *
 * @param maxBytes what is read at most; one chunk of the stream may come on top
 */
export function readLastWords(socket: WebSocket, tcp: Socket, maxBytes: number): void {
  const readOn = () => {
    const last = tcp.bytesRead + maxBytes;
    const count = () => {
      if (tcp.bytesRead < last) return;
      tcp.off('data', count);
      socket.pause();
      setTimeout(() => {
        socket.terminate();
      }, LINGER).unref();
    };
    tcp.on('data', count);
    socket.resume();
  };
  socket.pause();
  if (tcp.writableNeedDrain) tcp.once('drain', readOn);
  else readOn();
}
