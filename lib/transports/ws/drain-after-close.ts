import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { contained } from '../../monitoring/index.js';

/** The time a client has to read what was sent, once the server has stopped reading. Milliseconds. */
const LINGER = 1_000;

/**
 * Reads from a closed client until its close frame arrives. It starts when the client has read what was sent to it. If the
 * client sends much more, the server drops it.
 *
 * @param maxBytes the maximum to read; one more chunk of the stream may follow
 */
export function drainAfterClose(socket: WebSocket, tcp: Socket, maxBytes: number): void {
  const drain = contained(() => {
    const last = tcp.bytesRead + maxBytes;
    const count = contained(() => {
      if (tcp.bytesRead < last) return;
      tcp.off('data', count);
      socket.pause();
      setTimeout(
        contained(() => {
          socket.terminate();
        }),
        LINGER,
      ).unref();
    });
    tcp.on('data', count);
    socket.resume();
  });
  socket.pause();
  if (tcp.writableNeedDrain) tcp.once('drain', drain);
  else drain();
}
