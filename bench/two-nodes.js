// What two nodes on one Redis let through, what becomes of a crashed node's places, and what Redis costs in
// throughput, beside the same server in memory. Usage: npm run build && node bench/two-nodes.js
import { fork, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { JwtService } from '@nestjs/jwt';
import canonicalize from 'canonicalize';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { JWT_SECRET, RING_KEY } from './servers/settings.js';

const token = new JwtService({}).sign({ sub: 'alice' }, { secret: JWT_SECRET, expiresIn: 3600 });

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function startNode(env) {
  const server = fork(new URL('./servers/protected.js', import.meta.url), {
    env: { ...process.env, ...env },
  });
  const [{ port }] = await once(server, 'message');
  return { server, port };
}

async function login({ port }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'auth', token }));
  await once(socket, 'message');
  return socket;
}

function signed(type) {
  const event = {
    specversion: '1.0',
    type,
    source: 'bench',
    id: randomUUID(),
    time: new Date().toISOString(),
    semanticnonce: randomUUID(),
    data: { button: 'checkout' },
  };
  const mac = createHmac('sha256', RING_KEY.secret).update(`v1.c2s.${canonicalize(event)}`);
  const semanticsignature = `v1.${RING_KEY.id}.${mac.digest('base64url')}`;
  return JSON.stringify({ type: 'event', event: { ...event, semanticsignature } });
}

/** Counts the answers of each kind until a number of them has come. */
function tally(socket, counts) {
  socket.on('message', message => {
    const { type, code } = JSON.parse(message);
    counts[code ?? type] = (counts[code ?? type] ?? 0) + 1;
  });
}

const total = counts => Object.values(counts).reduce((sum, count) => sum + count, 0);

async function sentToBoth(nodes) {
  const sockets = await Promise.all(nodes.map(login));
  const counts = {};
  for (const socket of sockets) tally(socket, counts);
  for (let sent = 0; sent < 1_000; sent++) {
    const frame = signed('demo.echo');
    for (const socket of sockets) socket.send(frame);
  }
  while (total(counts) < 2_000) await wait(20);
  for (const socket of sockets) socket.terminate();
  return counts;
}

async function hammered(nodes, seconds) {
  const sockets = await Promise.all(nodes.map(login));
  const counts = {};
  for (const socket of sockets) tally(socket, counts);
  const event = { specversion: '1.0', type: 'demo.hundred', source: 'bench', id: 'e' };
  const frame = JSON.stringify({ type: 'event', event });
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    for (const socket of sockets) for (let burst = 0; burst < 4; burst++) socket.send(frame);
    await wait(5);
  }
  await wait(300);
  for (const socket of sockets) socket.terminate();
  return counts;
}

async function placesOfCrashedNode(redisUrl) {
  const env = { REDIS_URL: redisUrl, MAX_CONNECTIONS: '10' };
  const [crashing, other] = [await startNode(env), await startNode(env)];
  await Promise.all(Array.from({ length: 10 }, () => login(crashing).catch(() => undefined)));
  crashing.server.kill('SIGKILL');
  const start = performance.now();
  for (;;) {
    const socket = new WebSocket(`ws://127.0.0.1:${other.port}/events`);
    const outcome = await Promise.race([
      once(socket, 'open').then(() => 'open'),
      once(socket, 'error').then(() => 'refused'),
    ]).catch(() => 'refused');
    if (outcome === 'open') break;
    await wait(50);
  }
  other.server.kill();
  return Math.round(performance.now() - start);
}

/** How many scripts Redis has run. */
async function scriptsRun(client) {
  const calls = (await client.info('commandstats')).matchAll(/cmdstat_eval\w*:calls=(\d+)/g);
  return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function throughput(node, messages = MESSAGES, inFlight = 100) {
  const socket = await login(node);
  const frames = Array.from({ length: messages }, () => signed('demo.echo'));
  const start = performance.now();
  await new Promise(resolve => {
    let sent = 0;
    let received = 0;
    const send = () => sent < messages && socket.send(frames[sent++]);
    socket.on('message', () => {
      send();
      if (++received === messages) resolve();
    });
    for (let first = 0; first < inFlight; first++) send();
  });
  socket.terminate();
  return Math.round(messages / ((performance.now() - start) / 1000));
}

const MESSAGES = 10_000;
const ROUNDS = 7;
const redisPort = await freePort();
const redis = spawn('redis-server', [
  ...['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', ''],
]);
await wait(500);
const REDIS_URL = `redis://127.0.0.1:${redisPort}`;
const nodes = [await startNode({ REDIS_URL }), await startNode({ REDIS_URL })];
const memory = await startNode({});

const both = await sentToBoth(nodes);
const SECONDS = 5;
const limited = await hammered(nodes, SECONDS);
const expected = 100 + 100 * SECONDS;
const client = new Redis(REDIS_URL);
const rounds = { redis: [], memory: [] };
let scripts = 0;
for (let round = 0; round < ROUNDS; round++) {
  rounds.memory.push(await throughput(memory));
  const before = await scriptsRun(client);
  rounds.redis.push(await throughput(nodes[0]));
  scripts += (await scriptsRun(client)) - before;
}
client.disconnect();
const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
/** What other processes of the machine do slows some rounds down, and none up. */
const best = { memory: Math.max(...rounds.memory), redis: Math.max(...rounds.redis) };
const results = {
  '1,000 events to both at once': both,
  'hammered 100/s': {
    ...limited,
    expected,
    'off by': `${(((limited.event - expected) / expected) * 100).toFixed(2)} %`,
  },
  'places of a crashed node back after ms (lease 2,000)': await placesOfCrashedNode(REDIS_URL),
  // The nodes' own, for leases and health, among them.
  'scripts Redis ran per signed and limited event': (scripts / ROUNDS / MESSAGES).toFixed(3),
  'events per second': {
    memory: median(rounds.memory),
    redis: median(rounds.redis),
    ratio: (median(rounds.redis) / median(rounds.memory)).toFixed(2),
    'ratio of the best rounds': (best.redis / best.memory).toFixed(2),
  },
};
console.log(JSON.stringify(results, null, 2));
for (const { server } of [...nodes, memory]) server.kill();
redis.kill();
