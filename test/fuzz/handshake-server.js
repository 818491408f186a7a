// The target of the hostile handshakes. All settings but `connectRate` have their defaults. The
// argument names the adapter: ws or io. It reports its port and uncaught errors to its parent.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway, SemanticEventsAdapter, SemanticEventsModule } from 'nestjs-semantic-events';
import { SemanticEventsIoAdapter } from 'nestjs-semantic-events/socket.io';

const RING_KEY = { id: 'fuzz', secret: 'fuzz-secret-fuzz-secret-fuzz-secret!' };

for (const kind of ['unhandledRejection', 'uncaughtException'])
  process.on(kind, error => process.send({ violation: `${kind}: ${error?.stack ?? error}` }));
process.on('disconnect', () => process.exit());

class Gateway {
  echo(data) {
    return data;
  }
}
// Call decorators as functions, because JavaScript has no syntax for them.
SubscribeMessage('fuzz.echo')(
  Gateway.prototype,
  'echo',
  Object.getOwnPropertyDescriptor(Gateway.prototype, 'echo'),
);
SecureGateway()(Gateway);
WebSocketGateway({ path: '/events' })(Gateway);

class AppModule {}
Module({
  imports: [
    SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: RING_KEY.secret } },
      // This limit would reject the handshakes before the fuzzed code runs.
      connection: { connectRate: 1e5, connectBurst: 1e5, maxConnectionsPerAddress: 10_000 },
      audit: 'off',
      monitoring: { log: false },
    }),
  ],
  providers: [Gateway],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
const Adapter = process.argv[2] === 'io' ? SemanticEventsIoAdapter : SemanticEventsAdapter;
app.useWebSocketAdapter(new Adapter(app));
await app.listen(0, '127.0.0.1');
process.send({ port: app.getHttpServer().address().port });
