import { TerminusModule } from '@nestjs/terminus';
import { ConnectionStore, NonceStore, RateLimitStore } from '../../lib/index.js';
import { SemanticEventsHealthIndicator } from '../../lib/health/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { TestApp } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';

/** For tests that do not check the event loop, which may be slow on a busy machine. */
const PATIENT = { eventLoopDelay: 60_000 };

async function start(maxConnections = 10) {
  const app = await TestApp.start({
    gateways: [DemoGateway],
    imports: [TerminusModule.forRoot({ logger: false })],
    providers: [SemanticEventsHealthIndicator],
    options: { connection: { maxConnections } },
  });
  return { app, health: app.nest.get(SemanticEventsHealthIndicator) };
}

describe('SemanticEventsHealthIndicator', () => {
  it('is up if stores answer, there is room, and the event loop keeps up', async () => {
    const { app, health } = await start();
    await app.connect();
    expect(await health.isHealthy('gateway', PATIENT)).toEqual({
      gateway: {
        status: 'up',
        stores: { connections: 'up', nonces: 'up', rateLimits: 'up' },
        connections: { open: 1, limit: 10 },
        eventLoopDelay: expect.any(Number),
        signingKeys: 'up',
      },
    });
  });

  it('is down if the node has no room left', async () => {
    const { app, health } = await start(2);
    for (let count = 0; count < 2; count++) await app.connect();
    expect(await health.isHealthy('gateway')).toMatchObject({ gateway: { status: 'down' } });
    expect(await health.isHealthy('gateway', { ...PATIENT, capacity: 1 })).toMatchObject({
      gateway: { status: 'up' },
    });
  });

  it('is down if other nodes have used up all room', async () => {
    const { app, health } = await start(2);
    const store = app.nest.get(ConnectionStore);
    for (let count = 0; count < 2; count++) await store.acquire([{ key: 'all', limit: 2 }]);
    const refusal = await TestClient.refusal(`ws://127.0.0.1:${app.port}/events`);
    expect(refusal.body.code).toBe('SERVER_FULL');
    expect(await health.isHealthy('gateway')).toMatchObject({
      gateway: { status: 'down', connections: { open: 2, limit: 2 } },
    });
  });

  it.each([
    ['connections', ConnectionStore, 'count'],
    ['nonces', NonceStore, 'use'],
    ['rateLimits', RateLimitStore, 'take'],
  ] as const)(
    'is down while the store of %s fails or does not answer, and up again after',
    async (name, port, method) => {
      const { app, health } = await start();
      const store = app.nest.get<Record<string, unknown>>(port);
      const isUp = async () => {
        const { gateway } = await health.isHealthy('gateway', { ...PATIENT, storeTimeout: 20 });
        return [gateway.status, (gateway.stores as Record<string, string>)[name]];
      };
      for (const broken of [
        () => {
          throw new Error('secret of the store');
        },
        () => new Promise(() => undefined),
      ]) {
        store[method] = broken;
        expect(await isUp()).toEqual(['down', 'down']);
        Reflect.deleteProperty(store, method);
        expect(await isUp()).toEqual(['up', 'up']);
      }
    },
  );

  it('is down if the event loop is too slow', async () => {
    const { health } = await start();
    expect(await health.isHealthy('gateway', { eventLoopDelay: -1 })).toMatchObject({
      gateway: { status: 'down' },
    });
  });
});
