import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import {
  answerTo,
  malformedHandshake,
  refuseUpgrade,
} from '../../../lib/handshake/handshake-refusal.js';
import { HANDSHAKE_CODES, type HandshakeCode, TLS_UPGRADE } from '../../../lib/protocol/index.js';

const codes = Object.keys(HANDSHAKE_CODES) as HandshakeCode[];

describe('the answer to a refused handshake', () => {
  it.each(codes)('has the status and the message of %s, and no reason', code => {
    const { status, headers, body } = answerTo({ code, reason: 'canary' });
    expect(status).toBe(HANDSHAKE_CODES[code].status);
    expect(JSON.parse(body)).toEqual({ code, message: HANDSHAKE_CODES[code].message });
    expect(headers).toEqual({
      'Content-Type': 'application/json',
      ...(status === 426 ? { Upgrade: TLS_UPGRADE } : {}),
    });
  });

  it.each([
    ['POST', 405, { Allow: 'GET' }],
    ['GET', 400, { 'Sec-WebSocket-Version': '13, 8' }],
  ])('to a %s request that is no handshake has the status %i', (method, expected, members) => {
    const refusal = malformedHandshake({ method } as IncomingMessage, 'canary');
    const { status, headers, body } = answerTo(refusal);
    expect(status).toBe(expected);
    expect(headers).toMatchObject(members);
    expect(JSON.parse(body)).toMatchObject({ code: 'BAD_HANDSHAKE' });
    expect(body).not.toContain('canary');
    expect(refusal.reason).toBe('canary');
  });

  it.each([
    [0, '0'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
  ])('says in whole seconds to wait %i ms', (retryAfter, seconds) => {
    expect(answerTo({ code: 'SERVER_FULL', retryAfter }).headers).toHaveProperty(
      'Retry-After',
      seconds,
    );
  });

  it('is complete HTTP, and the socket is destroyed once it is sent', () => {
    const sent: string[] = [];
    let isDestroyed = false;
    const socket = Object.assign(new EventEmitter(), {
      end: (text: string) => sent.push(text),
      destroy: () => (isDestroyed = true),
    });
    refuseUpgrade(socket as unknown as Socket, { code: 'SERVER_FULL', retryAfter: 5_000 });
    const { status, body } = answerTo({ code: 'SERVER_FULL' });
    expect(sent).toEqual([
      [
        `HTTP/1.1 ${status} Service Unavailable`,
        'Connection: close',
        'Content-Type: application/json',
        'Retry-After: 5',
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    ]);
    expect(isDestroyed).toBe(false);
    socket.emit('finish');
    expect(isDestroyed).toBe(true);
  });
});
