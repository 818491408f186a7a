// Starts an application around a gateway, as the benchmarks do, and tells the parent where it listens.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway, SemanticEventsAdapter, SemanticEventsModule } from 'nestjs-semantic-events';
import { JWT_SECRET, RING_KEY } from './settings.js';

/** @param options what differs from the defaults of the benchmarks */
export async function serve(Gateway, options) {
  // Decorators are a syntax of TypeScript: here they are called as the functions they are.
  SecureGateway()(Gateway);
  WebSocketGateway({ path: '/events' })(Gateway);

  class AppModule {}
  Module({
    imports: [
      SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        audit: 'off',
        monitoring: { log: false },
        ...options,
      }),
    ],
    providers: [Gateway],
  })(AppModule);

  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.useWebSocketAdapter(new SemanticEventsAdapter(app));
  await app.listen(0, '127.0.0.1');
  process.send?.({ port: app.getHttpServer().address().port });
  return app;
}
