// One node with a handler for events that are handled once, as a process of its own that a test can kill.
// Usage: fork(…, [url of Redis, lease in ms], { execArgv: ['--import', 'sample/run-typescript/register.js'] })
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventMesh,
  OnSemanticEvent,
  type SemanticEvent,
  SemanticEventsModule,
} from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';

/** What a node reports to the test: a call of the handler that begins or ends, or that the node is ready. */
export type OnceReport = 'ready' | { readonly began: number } | { readonly ended: number };

const DURATION = 10;
const [, , url = '', lease = ''] = process.argv;
const report = (message: OnceReport) => process.send?.(message);

@Injectable()
class Worker {
  @OnSemanticEvent('job.*', { delivery: 'once' })
  async work({ data }: SemanticEvent<number>) {
    const n = data ?? -1;
    report({ began: n });
    await new Promise(resolve => setTimeout(resolve, DURATION));
    report({ ended: n });
  }
}

@Module({
  imports: [
    SemanticEventsModule.forRoot({
      signing: { keys: [{ id: 'main', secret: 'ring-secret-ring-secret-ring-secret!' }] },
      auth: { validateToken: () => null },
      audit: 'off',
      stores: redisStores({ url, lease: Number(lease), commandTimeout: 2_000 }),
    }),
  ],
  providers: [Worker],
})
class NodeModule {}

const app = await NestFactory.createApplicationContext(NodeModule, { logger: ['error'] });
const mesh = app.get(EventMesh, { strict: false });
// The test publishes by the first node.
process.on('message', (count: number) => {
  const publish = async () => {
    for (let n = 0; n < count; n++) await mesh.emit('job.done', n);
  };
  publish().catch((error: unknown) => {
    throw error;
  });
});
const ready = setInterval(() => {
  if (mesh.stats().position === undefined) return;
  clearInterval(ready);
  report('ready');
}, 10);
