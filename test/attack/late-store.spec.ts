import { WebSocketGateway } from '@nestjs/websockets';
import { HandshakePolicy } from '../../lib/handshake/index.js';
import { ConnectionManager, ConnectionStore, SemanticEventsModule } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { LateConnectionStore } from '../helpers/late-connection-store.js';
import { frame, RawPeer, request } from '../helpers/raw-peer.js';
import {
  JWT_SECRET,
  RING_KEY,
  TestApp,
  type TestAppOptions,
  tokenFor,
} from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';
import { SemanticEventsIoAdapter } from '../../lib/transports/socket.io/index.js';

@WebSocketGateway({ path: '/events', transports: ['polling'] })
class PollingGateway {}

/** An application with a connection store that answers when the test says so. */
async function start({ auth = {}, connection = {} } = {}, setup: Partial<TestAppOptions> = {}) {
  const store = new LateConnectionStore();
  const module = SemanticEventsModule.forRoot({
    signing: { keys: [RING_KEY] },
    auth: { jwt: { secret: JWT_SECRET }, ...auth },
    connection,
    providers: [{ provide: ConnectionStore, useValue: store }],
  });
  const app = await TestApp.start({ gateways: [DemoGateway], module, ...setup });
  return { app, store, connections: app.nest.get(ConnectionManager) };
}

const auth = (user: string) => frame(JSON.stringify({ type: 'auth', token: tokenFor(user) }));

describe('while the store decides about a connection', () => {
  it('a handshake is rejected when the shutdown begins', async () => {
    const { app, store, connections } = await start();
    const peer = await RawPeer.connect(app.port);
    peer.write(request());
    await eventually(() => store.delayedCalls === 1);
    app.nest.get(HandshakePolicy).close();
    store.answer();
    expect((await peer.answer()).status).toBe(503);
    expect(connections.count).toBe(0);
    await eventually(() => store.memory.size === 0);
  });

  it.each(['reset', 'FIN'])('a handshake that ends by %s leaks no slot', async how => {
    const { app, store, connections } = await start();
    const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.connect(app.port)));
    for (const peer of peers) peer.write(request());
    await eventually(() => store.delayedCalls === 10);
    for (const peer of peers) {
      if (how === 'reset') peer.reset();
      else peer.socket.end();
    }
    await pause(20);
    store.answer();
    await eventually(() => store.memory.size === 0);
    expect(connections.count).toBe(0);
  });

  it('a polling Socket.IO client that disconnects gets no uncounted session', async () => {
    const { app, store, connections } = await start(
      {},
      { gateways: [PollingGateway], adapter: SemanticEventsIoAdapter },
    );
    const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.connect(app.port)));
    const path = '/events/?EIO=4&transport=polling';
    for (const peer of peers) peer.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await eventually(() => store.delayedCalls === 10);
    for (const peer of peers) peer.reset();
    await pause(20);
    store.answer();
    await eventually(() => store.memory.size === 0 && connections.count === 0, 1_000);
  });

  it('nothing is opened, and early frames are not lost', async () => {
    const { app, store, connections } = await start();
    const peer = await RawPeer.connect(app.port);
    peer.write(Buffer.concat([Buffer.from(request()), auth('alice')]));
    await eventually(() => store.delayedCalls === 1);
    expect(connections.count).toBe(0);
    store.isLate = false;
    store.answer();
    expect((await peer.answer()).status).toBe(101);
    expect(JSON.parse((await peer.next())!.payload.toString())).toMatchObject({
      type: 'auth_success',
      user_id: 'alice',
    });
  });

  it('an endless sender is not read', async () => {
    const { app, store } = await start();
    const peer = await RawPeer.connect(app.port);
    peer.write(request());
    await eventually(() => store.delayedCalls === 1);
    for (let chunk = 0; chunk < 256; chunk++) peer.write(Buffer.alloc(65_536));
    await pause(50);
    expect(peer.socket.writableLength).toBeGreaterThan(4 * 65_536);
    peer.reset();
    store.answer();
    await eventually(() => store.memory.size === 0);
  });
});

describe('while the store decides about a connection of the user', () => {
  async function startUserClaim(options = {}) {
    const { app, store, connections } = await start(options);
    store.isLate = false;
    const peer = await RawPeer.open(app.port);
    store.isLate = true;
    peer.write(auth('alice'));
    await eventually(() => store.delayedCalls === 1);
    return { store, connections, peer };
  }
  /** Returns the next frame with a payload: the server may ping first. */
  const read = async (peer: RawPeer): Promise<Json> => {
    const { payload } = (await peer.next())!;
    return payload.length > 0 ? (JSON.parse(payload.toString()) as Json) : read(peer);
  };

  it.each(['reset', 'FIN'])('a socket that ends by %s leaks no slot', async how => {
    const { store, connections, peer } = await startUserClaim();
    if (how === 'reset') peer.reset();
    else peer.socket.end();
    await eventually(() => connections.count === 0);
    store.answer();
    await eventually(() => store.memory.size === 0);
  });

  it('only ping is accepted from the client', async () => {
    const { store, peer } = await startUserClaim();
    peer.send({ type: 'ping' });
    expect((await read(peer)).type).toBe('pong');
    peer.send({ event: 'plain', data: 1 });
    expect((await read(peer)).data.code).toBe('UNAUTHENTICATED');
    expect(await peer.closeCode()).toBe(4401);
    store.answer();
    peer.socket.destroy();
    await eventually(() => store.memory.size === 0);
  });

  it('a second auth frame is a race and closes with 4401', async () => {
    const { store, peer } = await startUserClaim();
    peer.write(auth('bob'));
    expect((await read(peer)).code).toBe('AUTH_FAILED');
    expect(await peer.closeCode()).toBe(4401);
    peer.socket.destroy();
    store.answer();
    await eventually(() => store.memory.size === 0);
  });

  it('the authentication deadline still applies, and a late success changes nothing', async () => {
    const { store, connections, peer } = await startUserClaim({ auth: { timeout: 2_000 } });
    expect((await read(peer)).code).toBe('UNAVAILABLE');
    store.answer();
    expect(await peer.closeCode()).toBe(1013);
    expect(connections.list().every(({ user }) => user === undefined)).toBe(true);
    peer.socket.destroy();
    await eventually(() => store.memory.size === 0);
  });
});
