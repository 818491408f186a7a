import 'reflect-metadata';
import { Test } from '@nestjs/testing';
import { SemanticEventsAdapter } from 'nestjs-semantic-events';
import { EventTestClient } from 'nestjs-semantic-events/testing';
import { AppModule } from './app.module.js';

it('answers a signed event with a signed reply', async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = module.createNestApplication({ logger: ['error'] });
  app.useWebSocketAdapter(new SemanticEventsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const client = await EventTestClient.login(app, { id: 'tester' });
  const reply = await client.request('demo.echo', { a: 1 });
  expect(client.verifies(reply)).toBe(true);
  await client.close();
  await app.close();
});
