import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { ConnectionManager } from '../../../lib/connection/index.js';
import { handshakeOf } from '../../../lib/handshake/handshake-of.js';
import { type Admission, HandshakePolicy } from '../../../lib/handshake/handshake-policy.js';
import type { ConnectionOptions } from '../../../lib/options/index.js';
import { InMemoryRateLimitStore, RateLimiter } from '../../../lib/rate-limit/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const ORIGIN = 'https://app.example';
const gateway = { origins: [ORIGIN, 'https://other.example'] };

/** A connection that can end, as the policy sees it. */
class Connection extends EventEmitter {
  destroyed = false;
  remoteAddress: string | undefined = '192.0.2.1';
  encrypted = false;
}

interface Given {
  headers?: Record<string, string>;
  socket?: Connection;
}

const requestOf = ({ headers = { origin: ORIGIN }, socket = new Connection() }: Given = {}) =>
  ({ headers, socket, url: '/events' }) as unknown as IncomingMessage;

describe('HandshakePolicy', () => {
  let reserved: string[];
  let released: number;
  /** The answer of the connection manager, if it is not a slot. */
  let full: string | undefined;
  let whileReserving: () => void;

  const policyWith = (connection: Partial<ConnectionOptions> = {}) => {
    const clock = new FakeClock();
    const options = resolvedOptions({
      connection: { requireTls: false, connectRate: 1, connectBurst: 3, ...connection },
    });
    const manager = {
      reserve: async (address: string) => {
        await Promise.resolve();
        whileReserving();
        reserved.push(address);
        return full ?? { release: () => released++ };
      },
    } as unknown as ConnectionManager;
    const store = new InMemoryRateLimitStore(100, clock);
    return new HandshakePolicy(options, new RateLimiter(store, options, clock), manager);
  };

  beforeEach(() => {
    reserved = [];
    released = 0;
    full = undefined;
    whileReserving = () => undefined;
  });

  it('reserves a place for the address of a client, until its connection is closed', async () => {
    const socket = new Connection();
    const admitted = await policyWith().admit(requestOf({ socket }), gateway);
    expect(admitted).toMatchObject({ address: '192.0.2.1' });
    expect(reserved).toEqual(['192.0.2.1']);
    expect(released).toBe(0);
    socket.emit('close');
    expect(released).toBe(1);
  });

  it('leaves the place to a caller that takes it over', async () => {
    const socket = new Connection();
    const admitted = (await policyWith().admit(requestOf({ socket }), gateway)) as Admission;
    admitted.takeOver();
    socket.emit('close');
    expect(released).toBe(0);
  });

  it('releases the place at once if the connection has been closed in the meantime', async () => {
    const socket = new Connection();
    whileReserving = () => (socket.destroyed = true);
    await policyWith().admit(requestOf({ socket }), gateway);
    expect(released).toBe(1);
    expect(socket.listenerCount('close')).toBe(0);
  });

  it('reserves the place for another lifetime if one is given', async () => {
    const [socket, session] = [new Connection(), new Connection()];
    await policyWith().admit(requestOf({ socket }), gateway, session);
    socket.emit('close');
    expect(released).toBe(0);
    session.emit('close');
    expect(released).toBe(1);
  });

  it.each([
    ['TOO_MANY_CONNECTIONS', 'connection.maxConnectionsPerAddress'],
    ['SERVER_FULL', 'connection.maxConnections'],
  ])('rejects with %s if no place is free', async (code, reason) => {
    full = code;
    expect(await policyWith().admit(requestOf(), gateway)).toEqual({
      code,
      reason,
      retryAfter: 5_000,
    });
  });

  it.each<[object, Record<string, string>, string]>([
    [
      {},
      { origin: 'https://evil.example' },
      `the origin is not among connection.origins: ${ORIGIN}, https://other.example`,
    ],
    [{ allowNoOrigin: false }, {}, 'there is no Origin header (connection.allowNoOrigin is false)'],
  ])('rejects an origin with %j and the headers %j', async (options, headers, reason) => {
    const policy = policyWith(options);
    for (let attempt = 0; attempt < 10; attempt++)
      expect(await policy.admit(requestOf({ headers }), gateway)).toEqual({
        code: 'ORIGIN_REJECTED',
        reason,
      });
    expect(reserved).toEqual([]);
    expect(await policy.admit(requestOf(), gateway)).toHaveProperty('slot');
  });

  it('names no origin if none is allowed', async () => {
    expect(await policyWith().admit(requestOf(), { origins: [] })).toMatchObject({
      reason: 'the origin is not among connection.origins: (none)',
    });
  });

  it('accepts a client without an origin if that is allowed', async () => {
    const admitted = await policyWith({ allowNoOrigin: true }).admit(
      requestOf({ headers: {} }),
      gateway,
    );
    expect(admitted).toHaveProperty('slot');
  });

  describe('with requireTls', () => {
    const admit = (given: Given, options: object = {}) =>
      policyWith({ requireTls: true, ...options }).admit(requestOf(given), gateway);
    const encrypted = () => Object.assign(new Connection(), { encrypted: true });
    const forwarded = { origin: ORIGIN, 'x-forwarded-proto': 'https' };

    it('accepts an encrypted connection, and one that a trusted proxy calls encrypted', async () => {
      expect(await admit({ socket: encrypted() })).toHaveProperty('slot');
      expect(await admit({ headers: forwarded }, { trustProxy: true })).toHaveProperty('slot');
    });

    it('rejects other connections before it looks at their origin, and says why', async () => {
      const plain = { ...forwarded, 'x-forwarded-proto': 'http' };
      const trusting = { trustProxy: true };
      for (const [headers, options, reason] of [
        [{}, {}, 'the connection is not encrypted (connection.requireTls)'],
        [forwarded, {}, 'trustProxy does not include this address, which sent X-Forwarded-Proto'],
        [{}, trusting, 'the proxy sent no X-Forwarded-Proto'],
        [plain, trusting, 'the proxy sent another X-Forwarded-Proto than https or wss'],
      ] as const)
        expect(await admit({ headers }, options)).toEqual({
          code: 'TLS_REQUIRED',
          reason: expect.stringContaining(reason),
        });
      expect(reserved).toEqual([]);
    });
  });

  it('limits the attempts of an address, whatever comes of them', async () => {
    const policy = policyWith();
    full = 'SERVER_FULL';
    for (let attempt = 0; attempt < 3; attempt++) await policy.admit(requestOf(), gateway);
    full = undefined;
    expect(await policy.admit(requestOf(), gateway)).toEqual({
      code: 'TOO_MANY_CONNECTIONS',
      retryAfter: 1_000,
      reason: 'connection.connectRate and connection.connectBurst',
    });
    expect(reserved).toHaveLength(3);
    const other = Object.assign(new Connection(), { remoteAddress: '192.0.2.2' });
    expect(await policy.admit(requestOf({ socket: other }), gateway)).toHaveProperty('slot');
  });

  it('believes a forwarded address from a trusted proxy only', () => {
    const request = requestOf({ headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect(policyWith().addressOf(request)).toBe('192.0.2.1');
    expect(policyWith({ trustProxy: true }).addressOf(request)).toBe('203.0.113.9');
  });

  it('rejects every handshake once it is closed, also one that waits for its place', async () => {
    const policy = policyWith();
    whileReserving = () => {
      policy.close();
    };
    const reason = 'the application is shutting down';
    const closed = { code: 'SERVER_FULL', retryAfter: 5_000, reason };
    expect(await policy.admit(requestOf(), gateway)).toEqual(closed);
    expect(released).toBe(1);
    expect(await policy.admit(requestOf({ headers: {} }), gateway)).toEqual(closed);
    expect(reserved).toHaveLength(1);
  });
});

describe('handshakeOf', () => {
  it('returns address, origin, URL and headers, without those of the upgrade', () => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'k',
      'sec-websocket-version': '13',
      'sec-websocket-extensions': 'x',
    };
    const headers = { origin: ORIGIN, cookie: 'a=b' };
    const request = requestOf({ headers: { ...headers, ...upgrade } });
    expect(handshakeOf(request, '192.0.2.1')).toEqual({
      address: '192.0.2.1',
      origin: ORIGIN,
      url: '/events',
      headers,
    });
  });
});
