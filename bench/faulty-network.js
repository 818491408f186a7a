// Clients of one application on a network that cuts, stalls and half-closes: every request must answer or reject in its
// time, no event may be handled twice, by the application or by a client, what is published must reach all in one order,
// and no rejection may stay unhandled, here or there. Fails where one of these does not hold.
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
/** What timers of a busy machine may be late by, in milliseconds. */
const GRACE = 2_000;
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

const unhandled = [];
process.on('unhandledRejection', reason => unhandled.push(reason));

const random = mulberry32(SEED);
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
console.log(`Node ${process.version}, ${SECONDS} s, seed ${SEED}`);

const problems = [];
const app = await startApp();
const proxy = await FaultyProxy.start(app.port, random);
const end = Date.now() + SECONDS * 1_000;

const outcomes = {};
const note = outcome => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);
let connections = 0;
let slowest = 0;
const errors = {};
const clients = [];
const requests = [];
/** What was said, by whom, with an answer that it has been published. */
const acknowledged = new Set();

const asking = Promise.all(Array.from({ length: CLIENTS }, (_, n) => ask(n)));
const chatting = Promise.all(Array.from({ length: CLIENTS }, (_, n) => listen(n))).then(
  async listeners => {
    await Promise.all(listeners.map(listener => listener.talk()));
    return listeners;
  },
);
while (Date.now() < end) {
  await pause(random() * 2 * FAULT_PACE);
  proxy.harm();
}
await asking;
const listeners = await chatting;

// The network is well again: whatever was asked must be answered by now, or in the time it was given.
const unsettled = () => requests.filter(({ isSettled }) => !isSettled).length;
await within(OPTIONS.requestTimeout + GRACE, 'requests that never settled', () => !unsettled());
if (slowest > OPTIONS.requestTimeout + GRACE) problems.push(`a request that took ${slowest} ms`);
// What one has heard was published, whether its publisher knows or not.
const published = new Set(listeners.flatMap(({ heard }) => heard).concat(...acknowledged));
const missing = ({ heard }) => published.size - new Set(heard).size;
await within(15_000, 'events that were lost', () => {
  for (const { heard } of listeners) for (const said of heard) published.add(said);
  return listeners.every(listener => missing(listener) === 0);
});
const [first] = listeners;
for (const { name, heard } of listeners) {
  const twice = heard.filter((said, index) => heard.indexOf(said) !== index);
  for (const said of twice) problems.push(`${said} handled twice by ${name}`);
  if (heard.join() !== first.heard.join()) problems.push(`${name} has another order`);
}
const { handled, handledTwice } = await app.handled();
if (handledTwice > 0) problems.push(`${handledTwice} requests handled twice by the application`);

for (const client of clients) client.close();
proxy.close();
app.stop();
await pause(200);
if (unhandled.length > 0) problems.push(`unhandled: ${unhandled.map(String).join('; ')}`);

console.table({ faults: proxy.counts });
console.table({ requests: outcomes });
const result = {
  seconds: SECONDS,
  seed: SEED,
  faults: Object.values(proxy.counts).reduce((all, count) => all + count, 0),
  connections,
  requests: requests.length,
  outcomes,
  unsettled: unsettled(),
  slowest: Math.round(slowest),
  handled,
  handledTwice,
  acknowledged: acknowledged.size,
  published: published.size,
  heard: listeners.map(({ heard }) => heard.length),
  missing: listeners.map(missing),
  errors,
  unhandled: unhandled.length,
  problems,
};
console.log(JSON.stringify(result));
process.exit(problems.length > 0 ? 1 : 0);

/** Requests of one client: each is told apart by its data. */
async function ask(n) {
  const client = connected(`asking-${n}`);
  for (let i = 0; Date.now() < end; i++) {
    const data = `${SEED}-${n}-${i}`;
    void request(client, app.type, data, reply => {
      if (reply !== data) problems.push(`${data} answered by ${reply}`);
    });
    await pause(PACE);
  }
}

/** One client that hears what all say, and says something itself once all listen. */
async function listen(n) {
  const name = `user${n}`;
  const client = connected(name);
  const heard = [];
  const subscription = client.subscribe('chat.*', ({ data }) => {
    heard.push(data);
  });
  await subscription.ready;
  const talk = async () => {
    for (let i = 0; Date.now() < end; i++) {
      const data = `${name}-${i}`;
      void request(client, 'chat.message', data, () => acknowledged.add(data));
      await pause(PACE * 2);
    }
  };
  return { name, heard, talk };
}

async function request(client, type, data, answered) {
  const entry = { isSettled: false };
  requests.push(entry);
  const start = performance.now();
  try {
    const reply = await client.request(type, data);
    answered(reply.data);
    note('answered');
  } catch ({ code }) {
    note(code);
  }
  entry.isSettled = true;
  slowest = Math.max(slowest, performance.now() - start);
}

function connected(name) {
  const client = new SemanticEventsClient({
    ...OPTIONS,
    url: `ws://127.0.0.1:${proxy.port}/events`,
    getToken: () => app.token,
  });
  client.on('error', ({ code }) => (errors[code] = (errors[code] ?? 0) + 1));
  client.on('gap', ({ patterns }) => problems.push(`${name} has a gap in ${patterns}`));
  client.on('state', ({ state, error }) => {
    if (state === 'connected') connections++;
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
  let isStopped = false;
  // Such as by a rejection that it does not handle.
  server.on('exit', code => {
    if (isStopped) return;
    console.error(`the server has ended with ${code}`);
    process.exit(1);
  });
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
    stop: () => {
      isStopped = true;
      server.kill();
    },
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
