import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import { ConnectionManager, ConnectionStore } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { TestApp } from '../helpers/test-app.js';

const start = (connection = {}) =>
  TestApp.start({
    gateways: [DemoGateway],
    options: { connection: { maxConnectionsPerAddress: 2, ...connection } },
  });
const from = async (app: TestApp, forwarded: string, headers: Record<string, string> = {}) => {
  const peer = await RawPeer.connect(app.port);
  return (await peer.handshake('/events', { 'X-Forwarded-For': forwarded, ...headers })).status;
};
const addresses = (app: TestApp) =>
  app.nest
    .get(ConnectionManager)
    .list()
    .map(({ address }) => address);

describe('the limit per address, behind a trusted proxy', () => {
  const trusting = () => start({ trustProxy: 'loopback' });

  it('applies to one IPv6 /64, and not to its neighbor', async () => {
    const app = await trusting();
    expect(await from(app, '2001:db8:1:2::1')).toBe(101);
    expect(await from(app, '2001:db8:1:2:ffff:ffff:ffff:ffff')).toBe(101);
    expect(await from(app, '2001:0DB8:1:2:8000::')).toBe(429);
    expect(await from(app, '2001:db8:1:3::1')).toBe(101);
  });

  it('applies to an IPv4 address in every spelling', async () => {
    const app = await trusting();
    expect(await from(app, '203.0.113.9')).toBe(101);
    expect(await from(app, '::ffff:203.0.113.9')).toBe(101);
    expect(await from(app, '::FFFF:cb00:7109')).toBe(429);
    expect(await from(app, '0:0:0:0:0:ffff:203.0.113.9')).toBe(429);
    expect(addresses(app)).toEqual(['203.0.113.9', '203.0.113.9']);
  });

  it('distinguishes two IPv4 clients that connect by IPv4-mapped IPv6', async () => {
    const app = await trusting();
    for (const host of [1, 1, 2, 2]) expect(await from(app, `::ffff:192.0.2.${host}`)).toBe(101);
    expect(await from(app, '::ffff:192.0.2.1')).toBe(429);
  });

  it('cannot be bypassed by addresses before the one the proxy saw', async () => {
    const app = await trusting();
    const statuses: number[] = [];
    for (let forged = 1; forged <= 4; forged++)
      statuses.push(await from(app, `198.51.100.${forged}, 203.0.113.9`));
    expect(statuses).toEqual([101, 101, 429, 429]);
  });

  it('counts an invalid address as that of the proxy', async () => {
    const app = await trusting();
    for (const forged of ['nonsense', '999.1.1.1']) expect(await from(app, forged)).toBe(101);
    expect(await from(app, '__proto__')).toBe(429);
    expect(addresses(app)).toEqual(['127.0.0.1', '127.0.0.1']);
  });
});

describe('the limit per address, without a trusted proxy', () => {
  it.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'CF-Connecting-IP', 'X-Client-IP'])(
    'cannot be bypassed by forging %s',
    async name => {
      const app = await start();
      const statuses: number[] = [];
      for (let forged = 1; forged <= 3; forged++) {
        const peer = await RawPeer.connect(app.port);
        const value = name === 'Forwarded' ? `for=203.0.113.${forged}` : `203.0.113.${forged}`;
        statuses.push((await peer.handshake('/events', { [name]: value })).status);
      }
      expect(statuses).toEqual([101, 101, 429]);
      expect(addresses(app)).toEqual(['127.0.0.1', '127.0.0.1']);
    },
  );

  it('cannot be bypassed if another proxy than the connected one is trusted', async () => {
    const app = await start({ trustProxy: ['10.0.0.0/8'] });
    expect(await from(app, '203.0.113.1')).toBe(101);
    expect(await from(app, '203.0.113.2')).toBe(101);
    expect(await from(app, '203.0.113.3')).toBe(429);
  });
});

describe('requireTls', () => {
  const proto = { 'X-Forwarded-Proto': 'https' };

  it('does not accept X-Forwarded-Proto from an untrusted client', async () => {
    const app = await start({ requireTls: true });
    const peer = await RawPeer.connect(app.port);
    const { status, head, body } = await peer.handshake('/events', proto);
    expect(status).toBe(426);
    expect(head).toMatch(/\r\nUpgrade: TLS\/1\.2, HTTP\/1\.1/);
    expect(JSON.parse(body)).toEqual({
      code: 'TLS_REQUIRED',
      message: 'A TLS connection is required',
    });
  });

  it.each(['http', 'https, http', 'http, https', ''])(
    'rejects if the proxy sends %j',
    async value => {
      const app = await start({ requireTls: true, trustProxy: 'loopback' });
      expect(await from(app, '203.0.113.9', { 'X-Forwarded-Proto': value })).toBe(426);
      expect(app.nest.get<InMemoryConnectionStore>(ConnectionStore).size).toBe(0);
    },
  );

  it('accepts if the trusted proxy sends https', async () => {
    const app = await start({ requireTls: true, trustProxy: 'loopback' });
    expect(await from(app, '203.0.113.9', proto)).toBe(101);
  });
});

describe('IPv6', () => {
  it('counts a client on ::1 under the /64 of the loopback address', async () => {
    const app = await start();
    const server = app.nest.getHttpServer();
    await new Promise(resolve => server.close(resolve));
    await new Promise<void>(resolve => server.listen(0, '::1', resolve));
    const statuses: number[] = [];
    for (let times = 0; times < 3; times++) {
      const peer = await RawPeer.connect(server.address().port, '::1');
      statuses.push((await peer.handshake()).status);
    }
    expect(statuses).toEqual([101, 101, 429]);
    expect(addresses(app)).toEqual(['::1', '::1']);
  });
});
