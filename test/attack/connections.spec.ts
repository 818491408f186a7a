import { InMemoryConnectionStore } from '../../lib/connection/index.js';
import { ConnectionManager, ConnectionStore } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { RawPeer, request } from '../helpers/raw-peer.js';
import { JWT_SECRET, TestApp, tokenFor } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';

/** Unauthenticated clients keep their slots for the duration of a test. */
const auth = { jwt: { secret: JWT_SECRET }, timeout: 600_000 };

const start = async (connection = {}, more = {}) => {
  const app = await TestApp.start({
    gateways: [DemoGateway],
    options: { connection, auth },
    ...more,
  });
  const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
  return { app, store, connections: app.nest.get(ConnectionManager) };
};

const storm = async (app: TestApp, size: number) => {
  const peers = await Promise.all(Array.from({ length: size }, () => RawPeer.connect(app.port)));
  const answers = await Promise.all(peers.map(async peer => (await peer.handshake()).status));
  return { peers, open: peers.filter((_, at) => answers[at] === 101), answers };
};

describe('500 simultaneous upgrades on a limit of 100', () => {
  it('open exactly 100 per address, and as many again after all were reset', async () => {
    const { app, store, connections } = await start();
    for (let round = 0; round < 2; round++) {
      const { open, answers } = await storm(app, 500);
      expect(open).toHaveLength(100);
      expect(answers.filter(status => status === 429)).toHaveLength(400);
      expect(connections.count).toBe(100);
      for (const peer of open) peer.reset();
      await eventually(() => store.size === 0 && connections.count === 0);
    }
  });

  it('open exactly 100 in total, and reject the others with 503', async () => {
    const { app } = await start({ maxConnections: 100, maxConnectionsPerAddress: 1_000 });
    const { open, answers } = await storm(app, 500);
    expect(open).toHaveLength(100);
    expect(answers.filter(status => status === 503)).toHaveLength(400);
  });
});

describe('a connection slot', () => {
  it('is used by a client that never authenticates', async () => {
    const { app } = await start({ maxConnectionsPerAddress: 1 });
    await RawPeer.open(app.port);
    const { status, body } = await (await RawPeer.connect(app.port)).handshake();
    expect(status).toBe(429);
    expect(JSON.parse(body)).toEqual({
      code: 'TOO_MANY_CONNECTIONS',
      message: 'Too many connections',
    });
  });

  it.each(['reset', 'FIN', 'close frame', 'protocol error'])(
    'is released after a %s',
    async how => {
      const { app, store, connections } = await start({ maxConnectionsPerAddress: 1 });
      for (let round = 0; round < 3; round++) {
        const peer = await RawPeer.open(app.port);
        if (how === 'reset') peer.reset();
        else if (how === 'FIN') peer.socket.end();
        else if (how === 'close frame') peer.send(Buffer.from([3, 232]), { opcode: 8 });
        else peer.send('x', { opcode: 3 });
        await peer.gone;
        peer.socket.destroy();
        await eventually(() => store.size === 0 && connections.count === 0);
      }
    },
  );

  it('is released if the client disconnects before it reads the handshake response', async () => {
    const { app, store } = await start({ maxConnectionsPerAddress: 5 });
    for (let round = 0; round < 20; round++) {
      const peer = await RawPeer.connect(app.port);
      peer.write(request());
      if (round % 2) await new Promise(setImmediate);
      peer.reset();
    }
    await eventually(() => store.size === 0);
    expect((await storm(app, 5)).open).toHaveLength(5);
  });

  it.each<[string, Record<string, string | undefined>, number]>([
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400],
    ['a bad key', { 'Sec-WebSocket-Key': 'short' }, 400],
    ['a bad version', { 'Sec-WebSocket-Version': '7' }, 400],
    ['another protocol', { Upgrade: 'h2c' }, 400],
    ['bad sub-protocols', { 'Sec-WebSocket-Protocol': ',' }, 400],
    ['a refused origin', { Origin: 'https://evil.com' }, 403],
  ])('is not used by a handshake with %s', async (_, headers, expected) => {
    const { app, store } = await start({ maxConnectionsPerAddress: 1 });
    for (let round = 0; round < 3; round++) {
      const { status } = await (await RawPeer.connect(app.port)).handshake('/events', headers);
      expect(status).toBe(expected);
    }
    expect(store.size).toBe(0);
    await RawPeer.open(app.port);
  });

  it('is not used on a path without a gateway', async () => {
    const { app, store } = await start();
    const peer = await RawPeer.connect(app.port);
    peer.write(request('/nowhere'));
    await peer.gone;
    expect(store.size).toBe(0);
  });
});

describe('the connections of one user', () => {
  it('are limited; the next one is rejected, closed with 4429 and leaves no trace', async () => {
    const { app, store } = await start({ maxConnectionsPerUser: 2 });
    const [one] = [await app.login('alice'), await app.login('alice')];
    const third = await app.connect();
    expect(await third.authenticate(tokenFor('alice'))).toMatchObject({ code: 'RATE_LIMITED' });
    expect((await third.closed).code).toBe(4429);
    expect(store.count('user:alice')).toBe(2);
    await app.login('bob');
    one.terminate();
    await eventually(() => store.count('user:alice') === 1);
    await app.login('alice');
  });

  it('are limited if all authenticate at the same instant', async () => {
    const { app, store } = await start({ maxConnectionsPerUser: 3 });
    const clients = await Promise.all(Array.from({ length: 20 }, () => app.connect()));
    const answers = await Promise.all(
      clients.map(client => client.authenticate(tokenFor('alice'))),
    );
    expect(answers.filter(({ type }) => type === 'auth_success')).toHaveLength(3);
    for (const client of clients) client.terminate();
    await eventually(() => store.size === 0);
  });

  it('do not count a renewal as another connection', async () => {
    const { app, store } = await start({ maxConnectionsPerUser: 1 });
    const client = await app.login('alice');
    for (let round = 0; round < 3; round++)
      expect((await client.authenticate(tokenFor('alice'))).type).toBe('auth_success');
    expect(store.count('user:alice')).toBe(1);
  });
});

describe('connection attempts', () => {
  it('that are too frequent are rejected with 429 and the retry delay', async () => {
    const { app } = await start({ connectRate: 0.01, connectBurst: 3 });
    const { answers } = await storm(app, 10);
    expect(answers.filter(status => status === 101)).toHaveLength(3);
    const { status, body, headers } = await TestClient.refusal(`ws://127.0.0.1:${app.port}/events`);
    expect([status, body.code]).toEqual([429, 'TOO_MANY_CONNECTIONS']);
    expect(headers['content-type']).toBe('application/json');
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(50);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(100);
  });
});
