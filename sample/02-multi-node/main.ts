import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EventSigner } from 'nestjs-semantic-events';

/**
 * Starts two quickstarts on one Redis: replays, limits and revocations of one node count on the other. They listen on
 * `PORT` and the port after it, and share the secrets of the environment, or random ones.
 */
const QUICKSTART = fileURLToPath(new URL('../01-quickstart/main.ts', import.meta.url));

const port = Number(process.env.PORT ?? 3000);
const shared = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  SEMANTIC_EVENTS_KEYS: `main:${EventSigner.generateKey()}`,
  JWT_SECRET: EventSigner.generateKey(),
  ...process.env,
};

/** A page of one node may connect to the other node, under either name of this machine. */
const ORIGINS = [port, port + 1]
  .flatMap(nodePort => [`http://localhost:${nodePort}`, `http://127.0.0.1:${nodePort}`])
  .join(',');

const nodes: ChildProcess[] = [port, port + 1].map(nodePort => {
  return fork(QUICKSTART, { env: { ALLOWED_ORIGINS: ORIGINS, ...shared, PORT: `${nodePort}` } });
});

/** The number of running nodes. This process ends with the last one. */
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
