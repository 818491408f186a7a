import { ConnectionManager, SecurityEvents } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { GatedGateway, unsigned } from '../helpers/gated.gateway.js';
import { CLOSE, frame, PING, RawPeer } from '../helpers/raw-peer.js';
import { stopwatch } from '../helpers/stopwatch.js';
import { JWT_SECRET, TestApp } from '../helpers/test-app.js';

const UNLIMITED = { messageRate: 1e6, messageBurst: 1e6, maxStrikes: 1e6 };

/** Long enough that unauthenticated clients are not closed. */
const auth = { jwt: { secret: JWT_SECRET }, timeout: 600_000 };

const start = async (connection = {}) => {
  const app = await TestApp.start({ gateways: [GatedGateway], options: { connection, auth } });
  return { app, gateway: app.nest.get(GatedGateway), connections: app.nest.get(ConnectionManager) };
};

/** Resolves when the server closes a connection. */
const closedBy = (app: TestApp) =>
  new Promise<void>(resolve => {
    app.nest.get(SecurityEvents).subscribe(event => {
      if (event.kind === 'closed') resolve();
    });
  });

describe('a client that does not authenticate', () => {
  it('is closed with 4408 at the deadline, whatever pings it sends', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { auth: { validateToken: () => null, timeout: 150 } },
    });
    // The deadline starts when the server finishes the handshake, which is before this line.
    const at = Date.now();
    const elapsed = stopwatch();
    const peer = await RawPeer.open(app.port);
    const timer = setInterval(() => {
      peer.send('', { opcode: PING });
      peer.send({ type: 'ping' });
    }, 20);
    expect(await peer.closeCode()).toBe(4408);
    clearInterval(timer);
    expect(Date.now() - at).toBeGreaterThanOrEqual(140);
    expect(elapsed()).toBeLessThan(1_000);
  });

  it('is closed with UNAVAILABLE at the deadline if its token is still being validated', async () => {
    const validateToken = () => new Promise<null>(() => undefined);
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { auth: { validateToken, timeout: 100 } },
    });
    const client = await app.connect();
    client.sendJson({ type: 'auth', token: 'x' });
    expect(await client.next()).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    expect(await client.closed).toEqual({ code: 1013, reason: 'UNAVAILABLE' });
  });
});

describe('a client that stops reading', () => {
  it('is closed with 4508, in bounded memory, while others are answered', async () => {
    const { app, connections } = await start({ ...UNLIMITED, maxBufferedBytes: 100_000 });
    const [slow, other] = [await app.login(), await app.login()];
    const client = connections.list()[0]!;
    const closed = closedBy(app);
    slow.socket.pause();
    for (let request = 0; request < 400; request++) slow.sendJson(unsigned('gated.bytes', 60_000));
    await eventually(() => client.counters.received > 0);
    other.sendJson(unsigned('gated.bytes', 3));
    expect((await other.next()).event.data).toBe('xxx');
    await closed;
    const { sent } = client.counters;
    await pause(50);
    expect(client.counters.sent).toBe(sent);
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 4508, reason: 'SLOW_CONSUMER' });
    expect(slow.received.length).toBeLessThan(sent + 1);
  });

  it('and sends pings is closed with 4508, too', async () => {
    const { app } = await start({ ...UNLIMITED, maxBufferedBytes: 100_000 });
    const closed = closedBy(app);
    const peer = await RawPeer.open(app.port);
    peer.socket.pause();
    const ping = frame('x'.repeat(125), { opcode: PING });
    const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
    for (let chunk = 0; chunk < 200; chunk++) {
      peer.write(pings);
      await new Promise(setImmediate);
    }
    await closed;
    peer.socket.resume();
    expect(await peer.closeCode()).toBe(4508);
  });

  it('is not confused with one whose replies only wait for the end of a batch', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { connection: { maxBufferedBytes: 1_000 } },
    });
    const peer = await RawPeer.open(app.port);
    // In one chunk of the stream, so that all replies are in one batch.
    peer.write(Buffer.concat(Array.from({ length: 40 }, () => frame('{"type":"ping"}'))));
    for (let answers = 0; answers < 40; answers++)
      expect((await peer.next())?.payload.toString()).toContain('pong');
  });

  it('is not confused with one that receives a burst within the limit', async () => {
    const { app } = await start(UNLIMITED);
    const client = await app.login();
    for (let request = 0; request < 15; request++) client.sendJson(unsigned('gated.bytes', 60_000));
    const replies = await client.take(15);
    expect(replies.every(({ event }) => event.data.length === 60_000)).toBe(true);
  });
});

describe('a client that sends faster than handlers finish', () => {
  it('never has more of them running than allowed, and receives every reply in the end', async () => {
    const { app, gateway } = await start({ ...UNLIMITED, maxRunningHandlers: 4 });
    const client = await app.login();
    for (let sent = 0; sent < 500; sent++)
      client.sendJson(unsigned('gated.wait', sent, `id-${sent}`));
    await eventually(() => gateway.running === 4);
    await pause(50);
    expect(gateway.started).toBe(4);
    for (let step = 1; step <= 10; step++) {
      gateway.release(1);
      await eventually(() => gateway.started === 4 + step);
    }
    await pause(20);
    expect(gateway.started).toBe(14);
    gateway.open();
    const replies = await client.take(500);
    expect(gateway.mostAtOnce).toBe(4);
    const done = replies.map(({ event }) => event.data.done as number);
    expect([...done].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, at) => at));
  });

  it('is not read: its frames stay with it', async () => {
    const { app, gateway, connections } = await start({ ...UNLIMITED, maxRunningHandlers: 2 });
    const peer = await RawPeer.open(app.port);
    const text = JSON.stringify(unsigned('gated.silent', 'x'.repeat(7_000)));
    for (let sent = 0; sent < 4_000; sent++) peer.send(text);
    await eventually(() => gateway.running === 2);
    await pause(100);
    const taken = connections.list()[0]!.counters.received;
    // Two are handled, and at most one more chunk of the stream is buffered.
    expect(taken).toBeLessThanOrEqual(2 + Math.ceil((2 * 65_536) / text.length));
    expect(peer.socket.writableLength).toBeGreaterThan(4_000_000);
    gateway.open();
    await eventually(() => connections.list()[0]!.counters.received === 4_000);
    expect(gateway.mostAtOnce).toBe(2);
  });

  it('has the same limit for small frames, and is rejected beyond its burst', async () => {
    const connection = { messageRate: 0.1, messageBurst: 30, maxStrikes: 1e6 };
    const { app, gateway, connections } = await start({ ...connection, maxRunningHandlers: 1 });
    const client = await app.connect();
    for (let sent = 0; sent < 200; sent++) client.sendJson(unsigned('gated.wait', sent));
    await eventually(() => gateway.running === 1);
    gateway.open();
    await eventually(() => connections.list()[0]!.counters.received === 200);
    await eventually(() => gateway.started === 30);
    expect(gateway.mostAtOnce).toBe(1);
    const frames = await client.take(200);
    expect(frames.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(170);
  });

  it('does not delay others', async () => {
    const { app, gateway } = await start({ ...UNLIMITED, maxRunningHandlers: 1 });
    const [busy, other] = [await app.login(), await app.login()];
    for (let sent = 0; sent < 50; sent++) busy.sendJson(unsigned('gated.wait'));
    await eventually(() => gateway.running === 1);
    other.sendJson(unsigned('gated.bytes', 2));
    expect((await other.next()).event.data).toBe('xx');
    gateway.open();
    await busy.take(50);
  });

  it.each(['reset', 'close'])(
    'leaves nothing behind after a %s while it is not read',
    async how => {
      const connection = { ...UNLIMITED, maxRunningHandlers: 1, heartbeatInterval: 1_000 };
      const { app, gateway, connections } = await start(connection);
      const client = await app.login();
      for (let sent = 0; sent < 300; sent++) client.sendJson(unsigned('gated.wait'));
      await eventually(() => gateway.running === 1);
      const { id } = connections.list()[0]!;
      if (how === 'reset') client.terminate();
      else connections.disconnect(id);
      await eventually(() => connections.count === 0);
      if (how === 'close') expect((await client.closed).code).toBe(4403);
      gateway.open();
      await pause(20);
      expect(gateway.started).toBe(1);
    },
  );
});

describe('a client that sends a lot at once', () => {
  it('is handled in batches, so that others get their turn', async () => {
    const { app, connections } = await start(UNLIMITED);
    const peer = await RawPeer.open(app.port);
    const client = connections.list()[0]!;
    let most = 0;
    let last = 0;
    const watch = () => {
      most = Math.max(most, client.counters.sent - last);
      last = client.counters.sent;
      if (last < 5_000) setImmediate(watch);
    };
    watch();
    peer.write(Buffer.concat(Array.from({ length: 5_000 }, () => frame('{"type":"ping"}'))));
    await eventually(() => last === 5_000);
    // One batch before the watch, and one after it.
    expect(most).toBeLessThanOrEqual(2 * 64);
  });
});

describe('a client whose handlers never finish', () => {
  it('can close, and its slot is released', async () => {
    const { app, gateway, connections } = await start({ ...UNLIMITED, maxRunningHandlers: 2 });
    const peer = await RawPeer.open(app.port);
    for (let sent = 0; sent < 10; sent++) peer.send(unsigned('gated.silent'));
    await eventually(() => gateway.running === 2);
    peer.send(Buffer.from([0x03, 0xe8]), { opcode: CLOSE });
    expect(await peer.closeCode()).toBe(1000);
    peer.socket.end();
    await eventually(() => connections.count === 0);
    expect(gateway.started).toBe(2);
  });

  it('can half-close, too', async () => {
    const { app, gateway, connections } = await start({ ...UNLIMITED, maxRunningHandlers: 2 });
    const peer = await RawPeer.open(app.port);
    for (let sent = 0; sent < 10; sent++) peer.send(unsigned('gated.silent'));
    await eventually(() => gateway.running === 2);
    peer.socket.end();
    await eventually(() => connections.count === 0);
  });
});
