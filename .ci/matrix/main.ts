import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SemanticEventsAdapter } from 'nestjs-semantic-events';
import { AppModule } from './app.module.js';
import { httpAdapter } from './http-adapter.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule, httpAdapter(), { logger: ['error'] });
  app.useWebSocketAdapter(new SemanticEventsAdapter(app));
  await app.listen(0, '127.0.0.1');
  console.log(`listening on ${(await app.getUrl()).split(':').at(-1)}`);
}
void bootstrap();
