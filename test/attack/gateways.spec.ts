import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import {
  ConnectionManager,
  ConnectionStore,
  EventData,
  SecureGateway,
  SemanticEventsConfigError,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/free-port.js';
import { unsigned } from '../helpers/gated.gateway.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { TestApp } from '../helpers/test-app.js';

function gatewayAt(options: object, port?: number) {
  class SizeGateway {
    @SubscribeMessage('size')
    size(@EventData() data: string) {
      return data.length;
    }
  }
  (port === undefined ? WebSocketGateway(options) : WebSocketGateway(port, options))(SizeGateway);
  SecureGateway()(SizeGateway);
  return SizeGateway;
}

describe('a gateway', () => {
  it('may have a lower or higher size limit than others', async () => {
    const app = await TestApp.start({
      gateways: [
        gatewayAt({ path: '/small', maxMessageSize: 500 }),
        gatewayAt({ path: '/large', maxMessageSize: 200_000 }),
        gatewayAt({ path: '/usual' }),
      ],
    });
    const sizeAt = async (path: string, size: number) => {
      const client = await app.login('alice', path);
      client.sendJson(unsigned('size', 'x'.repeat(size)));
      const answer = await client.next();
      return answer.code ?? answer.event.data;
    };
    expect(await sizeAt('/small', 300)).toBe(300);
    expect(await sizeAt('/small', 500)).toBe('MESSAGE_TOO_LARGE');
    expect(await sizeAt('/large', 150_000)).toBe(150_000);
    expect(await sizeAt('/large', 200_000)).toBe('MESSAGE_TOO_LARGE');
    expect(await sizeAt('/usual', 60_000)).toBe(60_000);
    expect(await sizeAt('/usual', 66_000)).toBe('MESSAGE_TOO_LARGE');
  });

  it.each([
    ['origins', { origins: ['https://a.com'] }, { origins: ['https://b.com'] }],
    ['maxMessageSize', { maxMessageSize: 1 }, { maxMessageSize: 2 }],
  ])('that disagrees about %s with another on its path stops the start', async (_, one, two) => {
    const gateways = [gatewayAt({ path: '/one', ...one }), gatewayAt({ path: 'one/', ...two })];
    await expect(TestApp.start({ gateways })).rejects.toBeInstanceOf(SemanticEventsConfigError);
  });

  it('that agrees with another on its path, or sets nothing, starts', async () => {
    const own = { path: '/one', origins: ['https://a.com'] };
    const app = await TestApp.start({
      gateways: [gatewayAt(own), gatewayAt(own), gatewayAt({ path: '/one' })],
    });
    const refused = await RawPeer.connect(app.port);
    expect((await refused.handshake('/one', { Origin: 'https://b.com' })).status).toBe(403);
  });
});

const LIMITS = { maxConnectionsPerAddress: 3, origins: ['https://myapp.com'], requireTls: false };

const places: [string, () => Promise<{ app: TestApp; port: number; path: string }>][] = [
  [
    'on the port of the application, on Fastify',
    async () => {
      const app = await TestApp.start({
        gateways: [gatewayAt({ path: '/own' })],
        options: { connection: LIMITS },
        http: new FastifyAdapter(),
      });
      return { app, port: app.port, path: '/own' };
    },
  ],
  ...(['/own', undefined] as const).map((path): (typeof places)[number] => [
    `on a port of its own, with the path ${path}`,
    async () => {
      const port = await freePort();
      const gateways = [gatewayAt(path === undefined ? {} : { path }, port)];
      const app = await TestApp.start({ gateways, options: { connection: LIMITS } });
      return { app, port, path: path ?? '/' };
    },
  ]),
];

describe.each(places)('a gateway %s', (_, startIt) => {
  it('is protected equally: origin, size, connections, authentication', async () => {
    const { app, port, path } = await startIt();
    const evil = await RawPeer.connect(port);
    const { status, body } = await evil.handshake(path, { Origin: 'https://evil.com' });
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([403, 'ORIGIN_REJECTED']);

    const anonymous = await RawPeer.open(port, path, { Origin: 'https://myapp.com' });
    anonymous.send(unsigned('size', 'x'));
    expect(await anonymous.closeCode()).toBe(4401);
    anonymous.socket.destroy();

    const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
    await eventually(() => store.size === 0);
    const client = await app.login('alice', path, { port });
    client.sendJson(unsigned('size', 'x'.repeat(5)));
    expect((await client.next()).event.data).toBe(5);
    await RawPeer.open(port, path);
    const large = await RawPeer.open(port, path);
    expect((await (await RawPeer.connect(port)).handshake(path)).status).toBe(429);
    large.send('x'.repeat(9_000));
    expect(await large.closeCode()).toBe(1009);
  });

  it('closes its clients with 1001 at shutdown and releases every slot', async () => {
    const { app, port, path } = await startIt();
    const client = await app.login('alice', path, { port });
    const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
    await app.nest.close();
    expect((await client.closed).code).toBe(1001);
    await eventually(() => store.size === 0);
  });
});

describe('limits', () => {
  it('apply to all gateways, paths and ports of an application together', async () => {
    const port = await freePort();
    const app = await TestApp.start({
      gateways: [DemoGateway, gatewayAt({ path: '/two' }), gatewayAt({ path: '/three' }, port)],
      options: { connection: { maxConnectionsPerAddress: 3 } },
    });
    await RawPeer.open(app.port, '/events');
    await RawPeer.open(app.port, '/two');
    await RawPeer.open(port, '/three');
    for (const [where, path] of [
      [app.port, '/events'],
      [port, '/three'],
    ] as const)
      expect((await (await RawPeer.connect(where)).handshake(path)).status).toBe(429);
    expect(app.nest.get(ConnectionManager).count).toBe(3);
  });
});
