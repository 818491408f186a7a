import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { HANDSHAKE_CODES, TLS_UPGRADE } from '../protocol/index.js';
import type { HandshakeRefusal } from './handshake-policy.js';

/** The HTTP answer to a handshake that is refused. */
export function answerTo({ code, retryAfter }: HandshakeRefusal) {
  const { status, message } = HANDSHAKE_CODES[code];
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    ...(retryAfter !== undefined && { 'Retry-After': String(Math.ceil(retryAfter / 1000)) }),
    ...(status === 426 && { Upgrade: TLS_UPGRADE }),
  };
  return { status, headers, body: JSON.stringify({ code, message }) };
}

/** Answers the handshake on a socket that is not a WebSocket yet, and closes. */
export function refuseUpgrade(socket: Socket, refusal: HandshakeRefusal): void {
  const { status, headers, body } = answerTo(refusal);
  // A peer that does not close its side would keep the socket for ever.
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
