import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { HANDSHAKE_CODES } from '../protocol/index.js';

/** The path a handshake asks for, as Nest reads it; undefined where the request target is none. */
export function pathOf({ url = '', headers }: IncomingMessage): string | undefined {
  const base = `ws://${headers.host}/`;
  return URL.canParse(url, base) ? new URL(url, base).pathname : undefined;
}

/** Answers a handshake for a path where no gateway is, and closes. */
export function refuseUnknownPath(socket: Socket): void {
  const { status, message } = HANDSHAKE_CODES.UNKNOWN_PATH;
  const body = JSON.stringify({ code: 'UNKNOWN_PATH', message });
  // A peer that does not close its side would keep the socket for ever.
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
