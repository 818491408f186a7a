// Clients on a network that cuts, stalls and half-closes: every request must answer or reject, no event may be handled
// twice or get lost, and no rejection may stay unhandled. Fails where one of these does not hold.
// Usage: npm run build && node bench/faulty-network.js [seconds] [seed]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { JwtService } from '@nestjs/jwt';
import { WebSocket } from 'ws';
import { FaultyProxy } from './faults/faulty-proxy.js';
import { loadTypeScript } from './faults/load-typescript.js';
import { JWT_SECRET } from './servers/settings.js';

const SECONDS = Number(process.argv[2] ?? 60);
const SEED = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const CLIENTS = 4;
/** From one request, or event, of a client to the next, in milliseconds. */
const PACE = 25;
/** From one fault to the next, in milliseconds, on average. */
const FAULT_PACE = 60;
const OPTIONS = {
  WebSocket,
  requestTimeout: 1_500,
  connectTimeout: 1_000,
  pingInterval: 250,
  pongTimeout: 250,
  backoff: 20,
  maxBackoff: 300,
};

const { SemanticEventsClient } = await loadTypeScript('lib/client/index.ts');
const { ScriptedMesh } = await loadTypeScript('test/helpers/scripted-mesh.ts');

const unhandled = [];
process.on('unhandledRejection', reason => unhandled.push(reason));

const random = mulberry32(SEED);
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
console.log(`Node ${process.version}, ${SECONDS} s, seed ${SEED}`);

const app = await startApp();
const mesh = await ScriptedMesh.start();
const toApp = await FaultyProxy.start(app.port, random);
const toMesh = await FaultyProxy.start(Number(new URL(mesh.url).port), random);
const end = Date.now() + SECONDS * 1_000;

const outcomes = {};
const note = outcome => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);
const connections = { app: 0, mesh: 0 };
const errors = {};
const problems = [];
const clients = [];

const requesting = Promise.all(Array.from({ length: CLIENTS }, (_, n) => request(n)));
const chatting = Promise.all(Array.from({ length: CLIENTS }, (_, n) => chat(n)));
while (Date.now() < end) {
  await pause(random() * 2 * FAULT_PACE);
  (random() < 0.5 ? toApp : toMesh).harm();
}
const pending = (await requesting).flat();
const chats = await chatting;

// The network is well again: whatever was asked must be answered by now, or in the time it was given.
await within(OPTIONS.requestTimeout + 2_000, 'requests that never settled', () =>
  pending.every(({ isSettled }) => isSettled),
);
await within(15_000, 'events that were lost', () => chats.every(({ missing }) => missing() === 0));
for (const { heard } of chats)
  for (const [id, times] of heard) if (times > 1) problems.push(`${id} handled ${times} times`);
for (const [id, times] of mesh.taken) if (times > 1) problems.push(`${id} taken ${times} times`);
problems.push(...mesh.offences);
const { handled, handledTwice } = await app.handled();
if (handledTwice > 0) problems.push(`${handledTwice} requests handled twice by the application`);

for (const client of clients) client.close();
toApp.close();
toMesh.close();
await mesh.close();
app.stop();
await pause(200);
if (unhandled.length > 0) problems.push(`unhandled: ${unhandled.map(String).join('; ')}`);

const sum = counts => Object.values(counts).reduce((all, count) => all + count, 0);
console.table({ faults: sumOf(toApp.counts, toMesh.counts) });
console.table({ requests: outcomes });
const result = {
  seconds: SECONDS,
  seed: SEED,
  faults: sum(toApp.counts) + sum(toMesh.counts),
  connections,
  requests: pending.length,
  outcomes,
  unsettled: pending.filter(({ isSettled }) => !isSettled).length,
  handled,
  handledTwice,
  published: mesh.taken.size,
  delivered: chats.map(({ heard }) => heard.size),
  missing: chats.map(({ missing }) => missing()),
  errors,
  unhandled: unhandled.length,
  problems,
};
console.log(JSON.stringify(result));
process.exit(problems.length > 0 ? 1 : 0);

/** Requests of one client: each is told apart by its data. */
async function request(n) {
  const client = connected('app', toApp, app.token);
  const sent = [];
  for (let i = 0; Date.now() < end; i++) {
    const data = `${SEED}-${n}-${i}`;
    const entry = { isSettled: false };
    sent.push(entry);
    client
      .request(app.type, data)
      .then(
        reply => {
          if (reply.data !== data) problems.push(`${data} answered by ${reply.data}`);
          note('answered');
        },
        error => note(error.code),
      )
      .finally(() => {
        entry.isSettled = true;
      });
    await pause(PACE);
  }
  return sent;
}

/** One client that hears what all say, and says something itself. */
async function chat(n) {
  const client = connected('mesh', toMesh, `user${n}`);
  const heard = new Map();
  const subscription = client.subscribe('chat.*', ({ id }) => {
    heard.set(id, (heard.get(id) ?? 0) + 1);
  });
  await subscription.ready;
  // What was published before is not for it.
  const before = new Set(mesh.taken.keys());
  while (Date.now() < end) {
    void client.emit('chat.said', { n });
    await pause(PACE * 2);
  }
  const missing = () =>
    [...mesh.taken.keys()].filter(id => !before.has(id) && !heard.has(id)).length;
  return { heard, missing };
}

function connected(kind, proxy, token) {
  const client = new SemanticEventsClient({
    ...OPTIONS,
    url: `ws://127.0.0.1:${proxy.port}/events`,
    getToken: () => token,
  });
  client.on('error', ({ code }) => (errors[code] = (errors[code] ?? 0) + 1));
  client.on('state', ({ state, error }) => {
    if (state === 'connected') connections[kind]++;
    if (state === 'closed' && error?.code !== 'CLOSED') problems.push(`closed by ${error?.code}`);
  });
  void client.connect();
  clients.push(client);
  return client;
}

/** Of this process' own, unless one is given that somebody else looks after. */
async function startApp() {
  if (process.env.FAULTY_NETWORK_APP) {
    const given = JSON.parse(process.env.FAULTY_NETWORK_APP);
    return { ...given, handled: () => ({}), stop: () => undefined };
  }
  const server = fork(new URL('./servers/counting.js', import.meta.url));
  const [{ port }] = await once(server, 'message');
  const token = new JwtService({}).sign({ sub: 'alice' }, { secret: JWT_SECRET, expiresIn: 3600 });
  return {
    port,
    token,
    type: 'demo.count',
    handled: async () => {
      server.send('handled');
      return (await once(server, 'message'))[0];
    },
    stop: () => server.kill(),
  };
}

async function within(milliseconds, what, holds) {
  const deadline = Date.now() + milliseconds;
  while (!holds()) {
    if (Date.now() > deadline) {
      problems.push(what);
      return;
    }
    await pause(20);
  }
}

function sumOf(one, other) {
  return Object.fromEntries(Object.keys(one).map(key => [key, one[key] + other[key]]));
}

/** A small seeded generator: the same seed gives the same faults in the same order. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
