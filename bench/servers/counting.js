// A Nest application with every protection of this library on, which notes whether it handles anything twice.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventData,
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsModule,
  SignedEvent,
} from 'nestjs-semantic-events';
import { JWT_SECRET, RING_KEY } from './settings.js';

const handled = new Set();
let handledTwice = 0;

class Gateway {
  /** Answers with what it is given, which is never the same. */
  count(data) {
    if (handled.has(data)) handledTwice++;
    handled.add(data);
    return data;
  }
}

// Decorators are a syntax of TypeScript: here they are called as the functions they are.
const count = Object.getOwnPropertyDescriptor(Gateway.prototype, 'count');
EventData()(Gateway.prototype, 'count', 0);
for (const decorate of [SignedEvent(), SubscribeMessage('demo.count')])
  decorate(Gateway.prototype, 'count', count);
SecureGateway()(Gateway);
WebSocketGateway({ path: '/events' })(Gateway);

class AppModule {}
Module({
  imports: [
    SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      // All clients of the benchmark come from one address.
      connection: { maxConnectionsPerAddress: 1_000, maxConnectionsPerUser: 1_000 },
      audit: 'off',
      monitoring: { log: false },
    }),
  ],
  providers: [Gateway],
})(AppModule);

process.on('message', message => {
  if (message === 'handled') process.send?.({ handled: handled.size, handledTwice });
});
const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(new SemanticEventsAdapter(app));
await app.listen(0, '127.0.0.1');
process.send?.({ port: app.getHttpServer().address().port });
