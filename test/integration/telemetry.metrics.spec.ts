import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NEVER } from 'rxjs';
import { EventMesh, OnSemanticEvent, SecureGateway, SecurityEvents } from '../../lib/index.js';
import { emitByRing } from '../helpers/by-ring.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import {
  FakeServer,
  RemoteConnectionStore,
  RemoteNonceStore,
  RemoteRateLimitStore,
} from '../helpers/failing-stores.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { TelemetryRecorder } from '../helpers/telemetry-recorder.js';
import { TestApp, type TestAppOptions, tokenFor } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';

const ACCEPTED = 'semantic_events.event.accepted';
const REFUSED = 'semantic_events.event.refused';
const HANDLER = 'semantic_events.handler.duration';
const MESH_HANDLER = 'semantic_events.mesh.handler.duration';
const COUNT = 'semantic_events.connection.count';
const QUEUE = 'semantic_events.connection.send_queue.size';

const typed = (type: string) => ({ 'semantic_events.event.type': type });
const failed = (code: string) => ({ 'error.type': code });

async function start(setup: Partial<TestAppOptions> = {}, clock?: FakeClock) {
  const recorder = new TelemetryRecorder();
  const app = await TestApp.start({
    gateways: [DemoGateway],
    ...setup,
    options: { telemetry: recorder.telemetry({ clock }), ...setup.options },
  });
  return { app, recorder };
}

describe('events', () => {
  it('are counted as accepted by message type, whatever the answer', async () => {
    const { app, recorder } = await start();
    const client = await app.login();
    for (const type of ['demo.echo', 'demo.promise', 'demo.echo']) {
      client.emit(type, 1);
      await client.next();
    }
    client.emit('demo.stream', [1, 2, 3]);
    await client.take(3);
    client.sendJson({ event: 'plain', data: 'x' });
    await client.next();
    client.emit('demo.nothing');
    client.emit('demo.echo', 1);
    await client.next();
    const expected = [
      [typed('demo.echo'), 3],
      [typed('demo.promise'), 1],
      [typed('demo.stream'), 1],
      [typed('plain'), 1],
      [typed('demo.nothing'), 1],
    ];
    expect(await recorder.series(ACCEPTED)).toEqual(expect.arrayContaining(expected));
    expect(await recorder.series(HANDLER)).toEqual(expect.arrayContaining(expected));
    expect(await recorder.series(REFUSED)).toEqual([]);
  });

  it('are counted as rejected by code, and not as accepted', async () => {
    const { app, recorder } = await start();
    const client = await app.login();
    const event = client.event('demo.echo', 1);
    client.sendJson({ type: 'event', event: { ...event, data: 2 } });
    client.emit('demo.validated', {});
    client.emit('demo.refuses');
    client.emit('demo.throws');
    client.sendJson({ event: 'plain.throws', data: 1 });
    client.emit('demo.failing-stream');
    client.socket.send('{');
    await client.take(7);
    expect(await recorder.series(ACCEPTED)).toEqual([]);
    const byHandlers = [
      [{ ...typed('demo.echo'), ...failed('INVALID_SIGNATURE') }, 1],
      [{ ...typed('demo.validated'), ...failed('INVALID_EVENT') }, 1],
      [{ ...typed('demo.refuses'), ...failed('FORBIDDEN') }, 1],
      [{ ...typed('demo.throws'), ...failed('INTERNAL') }, 1],
      [{ ...typed('plain.throws'), ...failed('INTERNAL') }, 1],
      [{ ...typed('demo.failing-stream'), ...failed('INTERNAL') }, 1],
    ];
    const refused = await recorder.series(REFUSED);
    expect(refused).toHaveLength(7);
    expect(refused).toEqual(
      expect.arrayContaining([...byHandlers, [{ ...typed('other'), ...failed('BAD_FRAME') }, 1]]),
    );
    const handled = await recorder.series(HANDLER);
    expect(handled).toHaveLength(6);
    expect(handled).toEqual(expect.arrayContaining(byHandlers));
  });

  it('that are rejected concurrently are not mistaken for accepted ones', async () => {
    const { app, recorder } = await start();
    const client = await app.login();
    for (let count = 0; count < 50; count++) {
      client.emit('demo.echo', count);
      client.sendJson({
        type: 'event',
        event: { ...client.event('demo.echo', count), data: 'forged' },
      });
    }
    await client.take(100);
    expect(await recorder.series(ACCEPTED)).toEqual([[typed('demo.echo'), 50]]);
    expect(await recorder.series(REFUSED)).toEqual([
      [{ ...typed('demo.echo'), ...failed('INVALID_SIGNATURE') }, 50],
    ]);
  });

  it('of types without a handler share one series, however many types clients make up', async () => {
    const { app, recorder } = await start({
      options: {
        connection: { messageBurst: 20_000, maxStrikes: 20_000 },
        monitoring: { log: false },
      },
    });
    const client = await app.login();
    for (let number = 0; number < 10_000; number++) {
      client.sendJson({ event: `made.up.${number}`, data: 1 });
      if (number % 100 === 99) await client.take(100);
    }
    expect(await recorder.series(REFUSED)).toEqual([
      [{ ...typed('other'), ...failed('UNKNOWN_EVENT') }, 10_000],
    ]);
    const all = await recorder.metrics();
    expect(all.reduce((series, { dataPoints }) => series + dataPoints.length, 0)).toBeLessThan(10);
  });

  it('have the message type of their handler on a stock adapter, too', async () => {
    const { app, recorder } = await start({ adapter: WsAdapter });
    const client = await app.connect();
    client.sendJson({ event: 'demo.echo', data: {} });
    await client.next();
    expect(await recorder.series(REFUSED)).toEqual([
      [{ ...typed('demo.echo'), ...failed('UNAUTHENTICATED') }, 1],
    ]);
  });
});

describe('the duration of a handler', () => {
  const clock = new FakeClock();

  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class SlowGateway {
    @SubscribeMessage('slow')
    async slow() {
      await Promise.resolve();
      clock.advance(250);
      return 'done';
    }

    @SubscribeMessage('endless')
    endless() {
      return NEVER;
    }
  }

  it('is the time from the call to the answer', async () => {
    const { app, recorder } = await start({ gateways: [SlowGateway] }, clock);
    const client = await app.login();
    client.emit('slow');
    await client.next();
    expect(await recorder.seconds(HANDLER)).toBeCloseTo(0.25);
  });

  it('ends with the connection if the handler does not return', async () => {
    const { app, recorder } = await start({ gateways: [SlowGateway] }, clock);
    const client = await app.login();
    client.emit('endless');
    client.emit('slow');
    await client.next();
    expect(await recorder.series(HANDLER)).toEqual([[typed('slow'), 1]]);
    client.terminate();
    const handled = async () => (await recorder.series(HANDLER)).length;
    while ((await handled()) < 2) await new Promise(setImmediate);
    expect(await recorder.series(HANDLER)).toContainEqual([typed('endless'), 1]);
  });
});

describe('connections', () => {
  it('are counted while open, authenticated or not', async () => {
    const { app, recorder } = await start();
    const client = await app.connect();
    await app.login();
    expect(await recorder.series(COUNT)).toEqual([[{}, 2]]);
    client.terminate();
    while ((await recorder.series(COUNT))[0]?.[1] !== 1) await new Promise(setImmediate);
  });

  it('report the bytes that wait for slow readers', async () => {
    @WebSocketGateway({ path: '/events' })
    class FloodGateway {
      @SubscribeMessage('flood')
      flood() {
        return 'x'.repeat(8_000_000);
      }
    }
    const { app, recorder } = await start({
      gateways: [FloodGateway],
      options: { connection: { maxBufferedBytes: 100_000_000 } },
    });
    const client = await app.login();
    expect(await recorder.series(QUEUE)).toEqual([[{}, 0]]);
    client.socket.pause();
    client.sendJson({ event: 'flood', data: 1 });
    const waiting = async () => (await recorder.series(QUEUE))[0]![1];
    while ((await waiting()) === 0) await new Promise(setImmediate);
    expect(await waiting()).toBeGreaterThan(100_000);
    client.socket.resume();
    await client.next();
    while ((await waiting()) > 0) await new Promise(setImmediate);
  });

  it('are counted by reason if rejected or closed', async () => {
    const { app, recorder } = await start();
    await TestClient.refusal(`ws://127.0.0.1:${app.port}/events`, {
      origin: 'https://evil.example',
    });
    const client = await app.connect();
    await client.authenticate('no token');
    await client.closed;
    expect(await recorder.series('semantic_events.handshake.refused')).toEqual([
      [failed('ORIGIN_REJECTED'), 1],
    ]);
    expect(await recorder.series('semantic_events.connection.closed')).toEqual([
      [failed('AUTH_FAILED'), 1],
    ]);
  });

  it('are no longer observed after the application closed', async () => {
    const { app, recorder } = await start();
    await app.login();
    await app.stop();
    expect(await recorder.series(COUNT)).toEqual([]);
    app.nest.get(SecurityEvents).refused({ id: 'x', address: '::1' }, 'BAD_FRAME');
    expect(await recorder.series(REFUSED)).toEqual([]);
  });
});

describe('authentication and verification', () => {
  it('are timed by outcome', async () => {
    const { app, recorder } = await start();
    const client = await app.connect();
    await client.authenticate(tokenFor('alice', { exp: 1 }));
    const alice = await app.login();
    expect(await recorder.series('semantic_events.authentication.duration')).toEqual([
      [failed('AUTH_FAILED'), 1],
      [{}, 1],
    ]);
    alice.emit('demo.echo', 1);
    alice.sendJson({ type: 'event', event: { ...alice.event('demo.echo', 1), data: 2 } });
    await alice.take(2);
    expect(await recorder.series('semantic_events.verification.duration')).toEqual([
      [{}, 1],
      [failed('INVALID_SIGNATURE'), 1],
    ]);
  });
});

describe('stores', () => {
  const STORE = 'semantic_events.store.operation.duration';
  const stored = (name: string) => ({ 'semantic_events.store.name': name });

  it('are timed by store name, and failures are counted', async () => {
    const server = new FakeServer();
    const recorder = new TelemetryRecorder();
    const { app } = await start({
      options: {
        telemetry: recorder.telemetry(),
        stores: {
          nonceStore: new RemoteNonceStore(server),
          rateLimitStore: new RemoteRateLimitStore(server),
          connectionStore: new RemoteConnectionStore(server),
        },
      },
    });
    const client = await app.login();
    emitByRing(client, 'demo.limited', 1);
    await client.next();
    // Handshake and event; handshake and user; event.
    const healthy = [
      [stored('rate limits'), 2],
      [stored('connections'), 2],
      [stored('nonces'), 1],
    ];
    const before = await recorder.series(STORE);
    expect(before).toHaveLength(3);
    expect(before).toEqual(expect.arrayContaining(healthy));
    server.isDown = true;
    emitByRing(client, 'demo.limited', 1);
    expect((await client.next()).code).toBe('UNAVAILABLE');
    await eventually(() => server.requests > 6);
    const after = await recorder.series(STORE);
    expect(after).toEqual(
      expect.arrayContaining([
        ...healthy,
        [{ ...stored('rate limits'), ...failed('_OTHER') }, 1],
        [{ ...stored('nonces'), ...failed('_OTHER') }, 1],
      ]),
    );
  });
});

describe('mesh handlers', () => {
  class Greeter {
    @OnSemanticEvent('greeting.*', { retries: 1 })
    greet({ data }: { data?: unknown }) {
      if (data === 'rude') throw new Error('not greeted');
    }

    @OnSemanticEvent('greeting.*', { timeout: 1 })
    hang({ data }: { data?: unknown }) {
      return data === 'slow' ? new Promise(() => undefined) : undefined;
    }
  }

  it('are timed by name and attempt, with failures and timeouts', async () => {
    const { app, recorder } = await start({ providers: [Greeter] });
    const mesh = app.nest.get(EventMesh);
    for (const data of ['polite', 'rude', 'slow']) await mesh.emit('greeting.said', data);
    await eventually(() => mesh.stats().failed === 2);
    const named = (name: string) => ({ 'code.function.name': name });
    const series = await recorder.series(MESH_HANDLER);
    expect(series).toHaveLength(4);
    expect(series).toEqual(
      expect.arrayContaining([
        [named('Greeter.greet'), 2],
        [{ ...named('Greeter.greet'), ...failed('_OTHER') }, 2],
        [named('Greeter.hang'), 2],
        [{ ...named('Greeter.hang'), ...failed('_OTHER') }, 1],
      ]),
    );
  });
});
