import type { EngineConnection } from './io-types.js';
import { webSocketOf } from './web-socket-engine.js';

/**
 * Closes what carries a client, once what it is told has left.
 *
 * @param timeout milliseconds its peer has to answer before it is cut off
 */
export function closeEngine(conn: EngineConnection, timeout: number): void {
  if (webSocketOf(conn)) conn.close();
  else if (conn.transport.writable) conn.close(true);
  // A client that polls hears of it by its next request.
  else
    conn.once('drain', () => {
      conn.close(true);
    });
  const timer = setTimeout(() => {
    cutOff(conn);
  }, timeout).unref();
  conn.once('close', () => {
    clearTimeout(timer);
  });
}

/** Ends it without a word. */
export function cutOff(conn: EngineConnection): void {
  const socket = webSocketOf(conn);
  conn.close(true);
  socket?.terminate();
}
