import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EventSigner } from 'nestjs-semantic-events';

/**
 * Two quickstarts on one Redis: what one has seen, limits or revokes holds on the other. They listen on `PORT` and
 * the one after it, and share the secrets of the environment, or fresh ones.
 */
const QUICKSTART = fileURLToPath(new URL('../01-quickstart/main.js', import.meta.url));

const port = Number(process.env.PORT ?? 3000);
const shared = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  SEMANTIC_EVENTS_KEYS: `main:${EventSigner.generateKey()}`,
  JWT_SECRET: EventSigner.generateKey(),
  ...process.env,
};

const nodes: ChildProcess[] = [port, port + 1].map(nodePort => {
  const origins = [port, port + 1].map(other => `http://127.0.0.1:${other}`).join(',');
  return fork(QUICKSTART, { env: { ALLOWED_ORIGINS: origins, ...shared, PORT: `${nodePort}` } });
});

/** One node can go without the other; this process ends with the last. */
let running = nodes.length;
for (const node of nodes)
  node.on('exit', code => {
    process.exitCode ||= code ?? 0;
    if (--running === 0) process.exit();
  });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const node of nodes) node.kill(signal);
  });
