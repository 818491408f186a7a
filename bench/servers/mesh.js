// A Nest application whose clients may listen to everything, and which publishes an event when it is told to.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  EventMesh,
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsModule,
} from 'nestjs-semantic-events';
import { DATA, JWT_SECRET, reportCpu, RING_KEY } from './settings.js';

const MANY = 20_000;

class Gateway {}
SecureGateway()(Gateway);
WebSocketGateway({ path: '/events' })(Gateway);

class AppModule {}
Module({
  imports: [
    SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      connection: {
        maxConnections: MANY,
        maxConnectionsPerAddress: MANY,
        maxConnectionsPerUser: MANY,
        connectRate: 1e6,
        connectBurst: 1e6,
      },
      mesh: { allow: ['**'] },
      audit: 'off',
      monitoring: { log: false },
    }),
  ],
  providers: [Gateway],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(new SemanticEventsAdapter(app));
await app.listen(0, '127.0.0.1');
const mesh = app.get(EventMesh);
process.on('message', message => {
  if (message === 'publish') void mesh.emit('demo.changed', DATA);
});
process.send?.({ port: app.getHttpServer().address().port });
reportCpu();
