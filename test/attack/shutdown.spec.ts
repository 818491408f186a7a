import { ConnectionStore } from '../../lib/index.js';
import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { GatedGateway, unsigned } from '../helpers/gated.gateway.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { stopwatch } from '../helpers/stopwatch.js';
import { TestApp } from '../helpers/test-app.js';

const start = async (connection = {}) => {
  const app = await TestApp.start({ gateways: [GatedGateway], options: { connection } });
  return { app, gateway: app.nest.get(GatedGateway) };
};

describe('a TCP connection that sends no request', () => {
  it('is closed at the authentication deadline', async () => {
    const app = await TestApp.start({
      gateways: [GatedGateway],
      options: { auth: { validateToken: () => null, timeout: 200 } },
    });
    const peer = await RawPeer.connect(app.port);
    peer.write('GET /events HTTP/1.1\r\nHost: x\r\n');
    const elapsed = stopwatch();
    await peer.gone;
    expect(elapsed()).toBeLessThan(3_000);
  });
});

describe('at shutdown', () => {
  it('an unfinished request does not delay it', async () => {
    const { app } = await start({ shutdownTimeout: 100 });
    const peer = await RawPeer.connect(app.port);
    peer.write('POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
    await pause(50);
    const elapsed = stopwatch();
    await app.nest.close();
    expect(elapsed()).toBeLessThan(3_000);
  });

  it.each(['', 'GET /events HTTP/1.1\r\nHost: x\r\n'])(
    'a TCP connection that never sends a request does not delay it: %j',
    async text => {
      const { app } = await start();
      (await RawPeer.connect(app.port)).write(text);
      await pause(20);
      const elapsed = stopwatch();
      await app.nest.close();
      expect(elapsed()).toBeLessThan(3_000);
    },
  );

  it('a running handler finishes, and its reply arrives before 1001', async () => {
    const { app, gateway } = await start();
    const client = await app.login();
    client.sendJson(unsigned('gated.wait', 'late'));
    await eventually(() => gateway.running === 1);
    const closing = app.nest.close();
    await pause(50);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    gateway.open();
    expect((await client.next()).event.data).toEqual({ done: 'late' });
    expect(await client.closed).toEqual({ code: 1001, reason: 'SERVER_SHUTDOWN' });
    await closing;
  });

  it('a hanging handler is awaited no longer than its timeout', async () => {
    const { app, gateway } = await start({ shutdownTimeout: 100 });
    const client = await app.login();
    client.sendJson(unsigned('gated.wait'));
    await eventually(() => gateway.running === 1);
    const at = Date.now();
    const elapsed = stopwatch();
    await app.nest.close();
    expect(Date.now() - at).toBeGreaterThanOrEqual(90);
    expect(elapsed()).toBeLessThan(1_000);
    expect((await client.closed).code).toBe(1001);
  });

  it('no further handler is called, for new or queued frames', async () => {
    const { app, gateway } = await start({ maxRunningHandlers: 1 });
    const client = await app.login();
    for (let sent = 0; sent < 5; sent++) client.sendJson(unsigned('gated.wait', sent));
    await eventually(() => gateway.running === 1);
    const closing = app.nest.close();
    client.sendJson(unsigned('gated.wait', 'after'));
    await pause(30);
    gateway.open();
    await closing;
    expect(gateway.started).toBe(1);
  });

  it('new handshakes are rejected with 503 while handlers finish', async () => {
    const { app, gateway } = await start();
    const client = await app.login();
    client.sendJson(unsigned('gated.wait'));
    await eventually(() => gateway.running === 1);
    const closing = app.nest.close();
    await pause(20);
    const { status, body } = await (await RawPeer.connect(app.port)).handshake();
    expect(status).toBe(503);
    expect(body).toContain('SERVER_FULL');
    gateway.open();
    await closing;
  });

  it('a client that does not answer the close frame, or does not read, is terminated', async () => {
    const { app } = await start();
    const mute = await RawPeer.open(app.port);
    const deaf = await app.login();
    deaf.socket.pause();
    const elapsed = stopwatch();
    await app.nest.close();
    expect(elapsed()).toBeLessThan(2_000);
    expect(await mute.closeCode()).toBe(1001);
    await mute.gone;
  });

  it('100 clients are closed with 1001, and every slot is released', async () => {
    const { app } = await start();
    const clients = await Promise.all(Array.from({ length: 100 }, () => app.connect()));
    const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
    const elapsed = stopwatch();
    await app.nest.close();
    expect(elapsed()).toBeLessThan(2_000);
    const closed = await Promise.all(clients.map(client => client.closed));
    expect(closed.every(({ code }) => code === 1001)).toBe(true);
    await eventually(() => store.size === 0);
  });

  it('a client that is reset while its handler runs does not delay it', async () => {
    const { app, gateway } = await start({ shutdownTimeout: 200 });
    const client = await app.login();
    client.sendJson(unsigned('gated.wait'));
    await eventually(() => gateway.running === 1);
    const closing = app.nest.close();
    client.terminate();
    const elapsed = stopwatch();
    await closing;
    expect(elapsed()).toBeLessThan(1_000);
  });
});
