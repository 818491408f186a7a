// Starts a Redis for a benchmark.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const PATIENCE = 100;

/**
 * @param options further arguments of redis-server
 * @returns its port, URL and process id, and a function that stops it; undefined if redis-server is not installed
 */
export async function startRedis(options = []) {
  const port = await freePort();
  const redis = spawn('redis-server', [
    ...['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    ...options,
  ]);
  const isMissing = await Promise.race([
    once(redis, 'error').then(() => true),
    once(redis, 'spawn').then(() => false),
  ]);
  if (isMissing) return undefined;
  process.once('exit', () => redis.kill());
  for (let attempt = 0; !(await accepts(port)); attempt++) {
    if (attempt === PATIENCE) throw new Error('Redis does not start');
    await wait(50);
  }
  return { port, pid: redis.pid, url: `redis://127.0.0.1:${port}`, stop: () => redis.kill() };
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

function accepts(port) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
