// One node of the soak with every protection, over Redis. It reports violations, and figures on request.
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Clock,
  ConnectionManager,
  ConnectionStore,
  EventData,
  RateLimit,
  SecureGateway,
  SemanticEventBody,
  SemanticEventsAdapter,
  SemanticEventsModule,
  SignedEvent,
} from 'nestjs-semantic-events';
import { redisStores } from 'nestjs-semantic-events/redis';
import { Cluster, Redis } from 'ioredis';
import { JWT_SECRET, LEASE, MAX_AGE, RING_KEY } from './settings.js';

for (const kind of ['unhandledRejection', 'uncaughtException'])
  process.on(kind, error => process.send?.({ violation: `${kind}: ${error?.stack ?? error}` }));

process.on('disconnect', () => process.exit());

const { redis, clockShift = 0, handled } = JSON.parse(process.env.SOAK);

class Gateway {
  echo(data, { id }) {
    // A file, because it survives the process.
    if (handled) appendFileSync(handled, `${id}\n`);
    return data;
  }
}
// Call decorators as functions, because JavaScript has no syntax for them.
const echo = Object.getOwnPropertyDescriptor(Gateway.prototype, 'echo');
EventData()(Gateway.prototype, 'echo', 0);
SemanticEventBody()(Gateway.prototype, 'echo', 1);
for (const decorate of [
  RateLimit({ rate: 50, burst: 100 }),
  SignedEvent(),
  SubscribeMessage('soak.echo'),
])
  decorate(Gateway.prototype, 'echo', echo);
SecureGateway()(Gateway);
WebSocketGateway({ path: '/events' })(Gateway);

class ShiftedClock extends Clock {
  now() {
    return Date.now() + clockShift;
  }

  monotonic() {
    return performance.now();
  }
}
const clock = new ShiftedClock();

/** Returns how redisStores reaches Redis: Sentinels and clusters need a client of the application. */
function connection() {
  if (redis.url) return { url: redis.url };
  const client = redis.sentinels
    ? new Redis({ sentinels: redis.sentinels, name: 'main' })
    : new Cluster(redis.cluster);
  return { client: client.on('error', () => undefined) };
}

class AppModule {}
Module({
  imports: [
    SemanticEventsModule.forRoot({
      // A short time, so that nonces expire during the run.
      signing: { keys: [RING_KEY], maxAge: MAX_AGE, clockSkew: 1_000 },
      auth: { jwt: { secret: JWT_SECRET }, timeout: 2_000, attempts: { rate: 1e6, burst: 1e6 } },
      connection: {
        maxConnectionsPerAddress: 10_000,
        maxConnectionsPerUser: 100,
        connectRate: 10_000,
        connectBurst: 10_000,
        heartbeatInterval: 2_000,
        idleTimeout: 5_000,
      },
      audit: 'off',
      monitoring: { log: false },
      providers: [{ provide: Clock, useValue: clock }],
      stores: redisStores({ ...connection(), lease: LEASE, commandTimeout: 500, clock }),
    }),
  ],
  providers: [Gateway],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
app.useWebSocketAdapter(new SemanticEventsAdapter(app));
await app.listen(0, '127.0.0.1');

process.on('message', async () => {
  // Collect twice: the second collection frees what the first one finds.
  for (let times = 0; times < 2; times++) {
    globalThis.gc();
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  const { heapUsed, rss } = process.memoryUsage();
  const places = await Promise.resolve(app.get(ConnectionStore).count('all')).catch(() => -1);
  process.send({ heapUsed, rss, open: app.get(ConnectionManager).count, places });
});
process.send({ port: app.getHttpServer().address().port });
