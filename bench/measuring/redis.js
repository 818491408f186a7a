// Starts a Redis, or a cluster, for a benchmark.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Another server, such as valkey-server, if the variable names it. */
const SERVER = process.env.REDIS_SERVER ?? 'redis-server';
const CLI = SERVER.replace(/-server$/, '-cli');

const PATIENCE = 100;

/**
 * @param options further arguments of redis-server
 * @returns its port, URL and process id, and a function that stops it; undefined if redis-server is not installed
 */
export async function startRedis(options = []) {
  const port = await freePort();
  const redis = spawn(SERVER, [
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

/** Starts the masters of a cluster. @returns the same as `startRedis` for each of them */
export async function startCluster(masters) {
  const folder = mkdtempSync(join(tmpdir(), 'masters-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const servers = [];
  for (let master = 0; master < masters; master++) {
    const state = ['--cluster-config-file', join(folder, `nodes-${master}.conf`)];
    const port = ['--cluster-port', `${await freePort()}`];
    servers.push(await startRedis(['--cluster-enabled', 'yes', ...state, ...port]));
  }
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  execFileSync(CLI, ['--cluster', 'create', ...addresses, '--cluster-yes']);
  const isReady = ({ port }) =>
    `${execFileSync(CLI, ['-p', port, 'cluster', 'info'])}`.includes('cluster_state:ok');
  while (!servers.every(isReady)) await wait(50);
  return servers;
}

async function freePort() {
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
