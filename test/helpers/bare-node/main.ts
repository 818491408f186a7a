import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventData,
  EventSigner,
  RateLimit,
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsModule,
  SignedEvent,
} from '../../../lib/index.js';
import { type Json, TestClient } from '../test-client.js';

/** An application that prints what its client receives as JSON, for the parent process. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  @SignedEvent()
  @RateLimit({ rate: 1, burst: 1 })
  echo(@EventData() data: unknown) {
    return data;
  }
}

@Module({
  imports: [
    SemanticEventsModule.forRoot({
      signing: { keys: [{ id: 'main', secret: EventSigner.generateKey() }] },
      auth: { validateToken: id => ({ id }) },
    }),
  ],
  providers: [EchoGateway],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
app.useWebSocketAdapter(new SemanticEventsAdapter(app));
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as { port: number };

const client = await TestClient.connect(`ws://127.0.0.1:${port}/events`);
await client.authenticate('alice');
client.emit('echo', 'hello');
const reply = await client.next();
client.emit('echo', 'hello');
const refusal = await client.next();
client.terminate();
await app.close();

const openTelemetry = await import('../../../lib/opentelemetry/index.js').then(
  () => 'loaded',
  (error: unknown) => (error as Json).code as string,
);
console.log(JSON.stringify({ reply: reply.event.data, refusal: refusal.code, openTelemetry }));
