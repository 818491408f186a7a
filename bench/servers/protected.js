// A Nest application with every protection of this library on.
import { ConnectedSocket, SubscribeMessage } from '@nestjs/websockets';
import { EventData, RateLimit, SignedEvent } from 'nestjs-semantic-events';
import { redisStores } from 'nestjs-semantic-events/redis';
import { serve } from './serve.js';
import { flood, reportCpu, reportMemory } from './settings.js';

const MANY = Number(process.argv[2] ?? 10_000) * 2;

class Gateway {
  echo(data) {
    return { event: 'demo.echo.reply', data };
  }

  hundred() {
    return 'passed';
  }

  flood(client) {
    return flood(client, false);
  }

  patientFlood(client) {
    return flood(client, true);
  }
}

// Decorators are a syntax of TypeScript: here they are called as the functions they are.
const echo = Object.getOwnPropertyDescriptor(Gateway.prototype, 'echo');
EventData()(Gateway.prototype, 'echo', 0);
for (const decorate of [
  RateLimit({ rate: 1e6, burst: 1e6 }),
  SignedEvent(),
  SubscribeMessage('demo.echo'),
])
  decorate(Gateway.prototype, 'echo', echo);
const hundred = Object.getOwnPropertyDescriptor(Gateway.prototype, 'hundred');
for (const decorate of [RateLimit({ rate: 100, burst: 100 }), SubscribeMessage('demo.hundred')])
  decorate(Gateway.prototype, 'hundred', hundred);

for (const [method, message] of [
  ['flood', 'flood'],
  ['patientFlood', 'flood.patient'],
]) {
  ConnectedSocket()(Gateway.prototype, method, 0);
  SubscribeMessage(message)(
    Gateway.prototype,
    method,
    Object.getOwnPropertyDescriptor(Gateway.prototype, method),
  );
}
const { REDIS_URL, TELEMETRY } = process.env;

const telemetry = TELEMETRY ? (await import('./measured.js')).telemetry() : undefined;

await serve(Gateway, {
  connection: {
    maxConnections: MANY,
    maxConnectionsPerAddress: MANY,
    maxConnectionsPerUser: MANY,
    connectRate: 1e6,
    connectBurst: 1e6,
    messageRate: 1e6,
    messageBurst: 1e6,
    maxStrikes: 1e6,
    ...(process.env.MAX_CONNECTIONS && { maxConnections: Number(process.env.MAX_CONNECTIONS) }),
  },
  telemetry,
  stores: REDIS_URL && redisStores({ url: REDIS_URL, lease: 2_000 }),
});
reportMemory();
reportCpu();
