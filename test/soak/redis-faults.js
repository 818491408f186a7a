// Runs one fault of Redis after the other while producers send ring-key events to two nodes, and prints a table: events accepted
// twice, refused as a replay though never accepted, never decided, and the seconds until both nodes accept events again.
// Usage: npm run build && node test/soak/redis-faults.js [seconds for each fault, 30]; needs redis-server
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis as Client } from 'ioredis';
import { open, signed, tokenOf } from './clients.js';
import { Node, Redis } from './nodes.js';

const seconds = Number(process.argv[2] ?? 30);
/** How long an event is sent again while it is not decided. Milliseconds. */
const PATIENCE = 10_000;
/** The pause between two events of a producer, in milliseconds. The handler accepts 50 per second and user, with replays. */
const PACE = 60;
const PRODUCERS = 8;

/** Each begins a fault, and returns once Redis works again. */
const FAULTS = {
  none: () => wait(500),
  'killed, restarted from disk': async ({ redis }) => {
    await redis.kill();
    await wait(1_000);
    await redis.start();
  },
  'killed, restarted empty': async ({ redis, admin }) => {
    await admin.flushall();
    await redis.kill();
    await redis.start();
  },
  'stopped for 2 s': ({ redis }) => redis.freeze(2_000),
  emptied: ({ admin }) => admin.flushall(),
  'no memory left': ({ admin }) => configured(admin, 'maxmemory', '1', '0'),
  'too few replicas': ({ admin }) => configured(admin, 'min-replicas-to-write', '1', '0'),
  'scripts flushed': ({ admin }) => admin.script('FLUSH'),
  'scripts denied': async ({ admin }) => {
    await admin.acl('SETUSER', 'default', '-@scripting');
    await wait(1_000);
    await admin.acl('SETUSER', 'default', '+@scripting');
  },
  'connections killed': ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'normal'),
};

async function configured(admin, name, during, after) {
  await admin.config('SET', name, during);
  await wait(1_000);
  await admin.config('SET', name, after);
}

/** A connection of a user to a node, made anew when it is lost. */
class Producer {
  #waiting = new Map();
  #socket;

  constructor(node, user) {
    this.node = node;
    this.user = user;
  }

  /** @returns the answer, or 'lost' with the connection */
  async send({ id, text }) {
    const socket = await (this.#socket ??= this.#connect());
    if (!socket) {
      this.#socket = undefined;
      return 'not sent';
    }
    return new Promise(resolve => {
      this.#waiting.set(id, resolve);
      socket.send(text);
    });
  }

  close() {
    void this.#socket?.then(socket => socket?.terminate());
  }

  async #connect() {
    const socket = await open(this.node.port);
    if (!socket) return undefined;
    socket.on('close', () => {
      this.#socket = undefined;
      for (const answer of this.#waiting.values()) answer('lost');
      this.#waiting.clear();
    });
    socket.send(JSON.stringify({ type: 'auth', token: tokenOf(this.user) }));
    const [text] = await Promise.race([once(socket, 'message'), once(socket, 'close')]);
    if (JSON.parse(`${text}`).type !== 'auth_success') return undefined;
    socket.on('message', frame => {
      const { type, code, id, event } = JSON.parse(frame);
      const sent = id ?? event?.semanticcorrelationid;
      this.#waiting.get(sent)?.(code ?? type);
      this.#waiting.delete(sent);
    });
    return socket;
  }
}

/** Sends an event until it is decided, and counts what became of it. */
async function deliver(event, producer, outcome) {
  const until = performance.now() + PATIENCE;
  for (; performance.now() < until; await wait(100)) {
    const answer = await producer.send(event);
    if (answer === 'lost') outcome.isUncertain = true;
    if (answer === 'event') outcome.accepted++;
    if (['event', 'REPLAY_DETECTED', 'EVENT_EXPIRED'].includes(answer)) {
      outcome.answers.push(answer);
      return answer;
    }
  }
  outcome.answers.push('none');
  return 'none';
}

/** @returns the milliseconds until every producer had a new event accepted */
async function untilBack(producers) {
  const start = performance.now();
  for (const producer of producers)
    for (;;) {
      if ((await producer.send(signed('soak.echo'))) === 'event') break;
      await wait(20);
    }
  return performance.now() - start;
}

async function run(fault, { redis, admin, nodes }) {
  const producers = Array.from(
    { length: PRODUCERS },
    (_, index) => new Producer(nodes[index % nodes.length], `${fault}-${index}`),
  );
  const probes = nodes.map((node, index) => new Producer(node, `${fault}-probe-${index}`));
  const outcomes = [];
  const end = performance.now() + seconds * 1_000;
  const load = producers.map(async (producer, index) => {
    const other = producers[(index + 1) % producers.length];
    const deliveries = [];
    for (; performance.now() < end; await wait(PACE)) {
      const outcome = { accepted: 0, answers: [], isUncertain: false };
      outcomes.push(outcome);
      const event = signed('soak.echo');
      // Send it again to the other node once it is decided: a replay.
      deliveries.push(deliver(event, producer, outcome).then(() => deliver(event, other, outcome)));
    }
    await Promise.all(deliveries);
  });
  const back = [];
  while (performance.now() < end - 5_000) {
    await wait(2_000);
    await FAULTS[fault]({ redis, admin });
    back.push(await untilBack(probes));
  }
  await Promise.all(load);
  for (const producer of [...producers, ...probes]) producer.close();
  const count = of => outcomes.filter(of).length;
  return {
    fault,
    events: outcomes.length,
    twice: count(({ accepted }) => accepted > 1),
    'replay, never accepted': count(
      ({ answers, accepted, isUncertain }) =>
        answers[0] === 'REPLAY_DETECTED' && accepted === 0 && !isUncertain,
    ),
    'never decided': count(({ answers }) => answers[0] === 'none'),
    expired: count(({ answers }) => answers[0] === 'EVENT_EXPIRED'),
    'back after s, at most': (Math.max(...back, 0) / 1_000).toFixed(1),
  };
}

const redis = await new Redis().start();
const admin = new Client(redis.url);
admin.on('error', () => undefined);
const onViolation = what => console.error(what);
const nodes = [
  await new Node(redis.url, onViolation).start(),
  await new Node(redis.url, onViolation).start(),
];
const rows = [];
for (const fault of Object.keys(FAULTS)) {
  rows.push(await run(fault, { redis, admin, nodes }));
  console.log(JSON.stringify(rows.at(-1)));
}
console.table(rows);
for (const node of nodes) await node.kill();
admin.disconnect();
await redis.close();
const isBroken = row => row.twice + row['replay, never accepted'] + row['never decided'] > 0;
process.exit(rows.some(isBroken) ? 1 : 0);
