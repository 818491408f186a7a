import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { contained } from '../monitoring/index.js';
import { HANDSHAKE_CODES, TLS_UPGRADE } from '../protocol/index.js';
import type { HandshakeRefusal } from './handshake-policy.js';

/** Returns the HTTP answer to a refused handshake. */
export function answerTo({ code, retryAfter, headers: more, status: given }: HandshakeRefusal) {
  const { status: usual, message } = HANDSHAKE_CODES[code];
  const status = given ?? usual;
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    ...more,
    ...(retryAfter !== undefined && { 'Retry-After': String(Math.ceil(retryAfter / 1000)) }),
    ...(status === 426 && { Upgrade: TLS_UPGRADE }),
  };
  return { status, headers, body: JSON.stringify({ code, message }) };
}

/**
 * Returns the refusal of an upgrade that is not a handshake by RFC 6455.
 *
 * @param reason the message of ws, which names the header
 */
export function malformedHandshake({ method }: IncomingMessage, reason: string): HandshakeRefusal {
  return method === 'GET'
    ? // The versions that ws supports (RFC 6455, section 4.4).
      { code: 'BAD_HANDSHAKE', reason, headers: { 'Sec-WebSocket-Version': '13, 8' } }
    : { code: 'BAD_HANDSHAKE', reason, status: 405, headers: { Allow: 'GET' } };
}

/** Refuses a handshake on its TCP socket, and closes the socket. */
export function refuseUpgrade(socket: Socket, refusal: HandshakeRefusal): void {
  const { status, headers, body } = answerTo(refusal);
  // A client that does not close its side would keep the socket open without end.
  socket.once(
    'finish',
    contained(() => socket.destroy()),
  );
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
