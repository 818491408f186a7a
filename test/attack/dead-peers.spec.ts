import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import { ConnectionManager, ConnectionStore } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { GatedGateway, unsigned } from '../helpers/gated.gateway.js';
import { PING, PONG, RawPeer } from '../helpers/raw-peer.js';
import { TestApp } from '../helpers/test-app.js';

/** The interval of pings, long enough for a client on a busy machine to answer. */
const ANSWERABLE = 600;

const start = async (
  connection = {},
  gateways: (typeof DemoGateway | typeof GatedGateway)[] = [DemoGateway],
) => {
  const app = await TestApp.start({ gateways, options: { connection } });
  const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
  return { app, store, connections: app.nest.get(ConnectionManager) };
};

/** A client with its own event loop, which reports a ping at once and answers it later. */
const ANSWERS_LATE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { WebSocket } = require('ws');
  const socket = new WebSocket('ws://127.0.0.1:' + workerData + '/events', { autoPong: false });
  socket.on('ping', () => {
    parentPort.postMessage('pinged');
    setTimeout(() => socket.pong(), 200);
  });
`;

describe('a client that does not answer the close frame', () => {
  it('is dropped in time, and its slot is released', async () => {
    const { app, store } = await start({ idleTimeout: 100, closeTimeout: 200 });
    const peer = await RawPeer.open(app.port);
    expect(await peer.closeCode()).toBe(4000);
    await eventually(() => store.size === 0);
  });
});

describe('a client that is dead', () => {
  it('is closed after two heartbeats without a close frame, and its slot is released', async () => {
    const { app, store, connections } = await start({ heartbeatInterval: 60 });
    const peer = await RawPeer.open(app.port);
    expect((await peer.next())?.opcode).toBe(PING);
    expect(await peer.closeCode()).toBe(1006);
    await eventually(() => connections.count === 0 && store.size === 0);
  });

  it('is closed even if it is paused and its frames pile up', async () => {
    const { app, store } = await start({ heartbeatInterval: 60 });
    const client = await app.login();
    client.socket.pause();
    await eventually(() => store.size === 0);
  });

  it('is detected while clients that answer stay connected', async () => {
    const { app, connections } = await start({ heartbeatInterval: ANSWERABLE });
    const alive = await app.login();
    await RawPeer.open(app.port);
    expect(connections.count).toBe(2);
    await eventually(() => connections.count === 1);
    await pause(2 * ANSWERABLE);
    expect(connections.list()[0]!.user?.id).toBe('alice');
    alive.emit('demo.echo', 'alive');
    expect((await alive.next()).event.data).toBe('alive');
  });

  it('is not kept alive by pongs it sent before the ping', async () => {
    const { app, store } = await start({ heartbeatInterval: 150 });
    const peer = await RawPeer.open(app.port);
    for (let pong = 0; pong < 10; pong++) peer.send('', { opcode: PONG });
    await peer.next();
    await eventually(() => store.size === 0);
  });

  it('is not detected by mistake after the server stood still', async () => {
    const { app, connections } = await start({ heartbeatInterval: 1_000 });
    const peer = new Worker(ANSWERS_LATE, { eval: true, workerData: app.port });
    await once(peer, 'message');
    const until = performance.now() + 1_500;
    while (performance.now() < until);
    await pause(300);
    expect(connections.count).toBe(1);
    await peer.terminate();
    await eventually(() => connections.count === 0);
  });

  it('is detected even if it is not read because its handlers run', async () => {
    const connection = { heartbeatInterval: 60, maxRunningHandlers: 1 };
    const { app, store } = await start(connection, [GatedGateway]);
    const peer = await RawPeer.open(app.port);
    for (let sent = 0; sent < 5; sent++) peer.send(unsigned('gated.wait'));
    await eventually(() => app.nest.get(GatedGateway).running === 1);
    await pause(200);
    peer.reset();
    await eventually(() => store.size === 0);
  });
});

describe('a client that is not read because its handlers run', () => {
  it('is not considered dead, and receives its replies when they finish', async () => {
    const connection = { heartbeatInterval: ANSWERABLE, maxRunningHandlers: 1 };
    const { app, connections } = await start(connection, [GatedGateway]);
    const client = await app.login();
    for (let sent = 0; sent < 3; sent++) client.sendJson(unsigned('gated.wait', sent));
    await pause(3 * ANSWERABLE);
    expect(connections.count).toBe(1);
    app.nest.get(GatedGateway).open();
    expect(await client.take(3)).toHaveLength(3);
  });
});

describe('a client that is idle', () => {
  it('is closed with 4000, even if it answers every ping', async () => {
    const { app, store } = await start({
      heartbeatInterval: ANSWERABLE,
      idleTimeout: 2.5 * ANSWERABLE,
    });
    const client = await app.login();
    expect(await client.closed).toEqual({ code: 4000, reason: 'IDLE_TIMEOUT' });
    await eventually(() => store.size === 0);
  });

  it.each([
    ['pings', PING],
    ['pongs', PONG],
  ])('is not kept active by %s', async (_, opcode) => {
    const { app } = await start({ idleTimeout: 200 });
    const peer = await RawPeer.open(app.port);
    const timer = setInterval(() => {
      peer.send('', { opcode });
    }, 30);
    expect(await peer.closeCode()).toBe(4000);
    clearInterval(timer);
  });

  it('does not include one that sends messages', async () => {
    const { app, connections } = await start({ idleTimeout: 2_000 });
    const client = await app.login();
    for (let sent = 0; sent < 6; sent++) {
      client.sendJson({ type: 'ping' });
      await pause(400);
    }
    expect(connections.count).toBe(1);
    expect(client.received.every(({ type }) => type === 'pong')).toBe(true);
  });
});

describe('a client that half-closes', () => {
  it('is closed at once, and its slot is released', async () => {
    const { app, store, connections } = await start();
    const peer = await RawPeer.open(app.port);
    peer.socket.end();
    await peer.gone;
    await eventually(() => store.size === 0 && connections.count === 0);
  });

  it('right after its handshake is closed, too', async () => {
    const { app, store } = await start();
    for (let round = 0; round < 5; round++) {
      const peer = await RawPeer.connect(app.port);
      peer.socket.end((await import('../helpers/raw-peer.js')).request());
      await peer.gone;
    }
    await eventually(() => store.size === 0);
  });
});
