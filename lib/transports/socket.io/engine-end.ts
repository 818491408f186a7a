import { contained } from '../../monitoring/index.js';
import type { EngineConnection } from './io-types.js';
import { webSocketOf } from './web-socket-engine.js';

/**
 * Closes the Engine.IO connection of a client, after the last messages have left.
 *
 * @param timeout milliseconds that the client has to answer, before it is dropped
 */
export function closeEngine(conn: EngineConnection, timeout: number): void {
  if (webSocketOf(conn)) conn.close();
  else if (conn.transport.writable) conn.close(true);
  // A polling client receives the close packet with its next request.
  else
    conn.once(
      'drain',
      contained(() => {
        conn.close(true);
      }),
    );
  const timer = setTimeout(
    contained(() => {
      cutOff(conn);
    }),
    timeout,
  ).unref();
  conn.once(
    'close',
    contained(() => {
      clearTimeout(timer);
    }),
  );
}

/** Drops the connection at once. */
export function cutOff(conn: EngineConnection): void {
  const socket = webSocketOf(conn);
  conn.close(true);
  socket?.terminate();
}
