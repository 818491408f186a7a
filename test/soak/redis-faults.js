// Runs one fault of Redis, of a node or of a clock after the other while producers send ring-key events to two nodes, and prints a
// table: events that handlers received twice, that were refused as a replay though no handler received them, that were never
// decided, and the seconds until both nodes accept events again. An event of the first three kinds exits 1, unless its node was killed.
// Usage: npm run build && node test/soak/redis-faults.js [seconds for each fault, 30] [part of the names of faults]
// It needs redis-server and redis-cli, and gcc for the faults of Redis' clock. REDIS_SERVER=valkey-server runs it on Valkey.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { open, signed, tokenOf } from './clients.js';
import { Node } from './nodes.js';
import { Cluster, Redis, Sentinels, shiftedClock } from './redis-servers.js';

const [, , given = '30', wanted = ''] = process.argv;
const seconds = Number(given);
/** How long an event is sent again while it is not decided. Milliseconds. */
const PATIENCE = 10_000;
/** The pause between two events of a producer, in milliseconds. The handler accepts 50 per second and user, with replays. */
const PACE = 60;
const PRODUCERS = 8;
const FINAL = new Set(['event', 'REPLAY_DETECTED', 'EVENT_EXPIRED']);
/** The events of a probe that must all be accepted. */
const PROBES = 8;

/** The nodes' clocks in milliseconds, nearly as far apart as `clockDrift` allows. */
const APART = [-480, 480];
const TEN_MINUTES = 600_000;

/**
 * The faults of each kind of Redis. Each begins a fault, and returns once Redis works again; the function that it may return
 * makes everything ready for the next fault.
 */
const FAULTS = {
  single: {
    none: () => wait(500),
    'killed, restarted from disk': async ({ redis }) => {
      await redis.kill();
      await wait(1_000);
      await redis.start();
    },
    'killed, restarted empty': async ({ redis }) => {
      await redis.admin.flushall();
      await redis.kill();
      await redis.start();
    },
    'stopped for 2 s': ({ redis }) => redis.freeze(2_000),
    emptied: ({ redis }) => redis.admin.flushall(),
    'no memory left': ({ redis }) => configured(redis, 'maxmemory', '1', '0'),
    'too few replicas': ({ redis }) => configured(redis, 'min-replicas-to-write', '1', '0'),
    'scripts flushed': ({ redis }) => redis.admin.script('FLUSH'),
    'scripts denied': async ({ redis: { admin } }) => {
      await admin.acl('SETUSER', 'default', '-@scripting');
      await wait(1_000);
      await admin.acl('SETUSER', 'default', '+@scripting');
    },
    'connections killed': ({ redis }) => redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal'),
    'node killed': async ({ nodes }) => {
      await nodes[1].kill();
      await nodes[1].start();
    },
    'node killed, Redis emptied': emptiedWithoutNode,
  },
  'single, clocks apart': {
    none: () => wait(500),
    emptied: ({ redis }) => redis.admin.flushall(),
    'node killed, Redis emptied': emptiedWithoutNode,
  },
  'single, clock of Redis': {
    '10 min ahead': async ({ clock }) => {
      clock.set(TEN_MINUTES);
      return () => clock.set(0);
    },
    '10 min behind': async ({ clock }) => {
      clock.set(-TEN_MINUTES);
      return () => clock.set(0);
    },
  },
  Sentinel: {
    'primary killed': async ({ redis }) => {
      const primary = await redis.primary();
      await primary.kill();
      await redis.hasReplaced(primary);
      // The old primary comes back as it was.
      await primary.start();
      return () => redis.isWhole();
    },
    'primary stopped until it is replaced': async ({ redis }) => {
      const primary = await redis.primary();
      primary.stop();
      await redis.hasReplaced(primary);
      primary.resume();
      return () => redis.isWhole();
    },
    'fail-over by an operator': async ({ redis }) => {
      const primary = await redis.primary();
      await redis.failOver();
      await redis.hasReplaced(primary);
      return () => redis.isWhole();
    },
  },
  Cluster: {
    none: () => wait(500),
    emptied: async ({ redis }) => {
      for (const { admin } of await redis.masters()) await admin.flushall();
    },
    'master killed': async ({ redis }) => {
      const [, master] = await redis.masters();
      return killedInCluster(redis, master);
    },
    'fail-over by an operator': async ({ redis }) => {
      const [, master] = await redis.masters();
      const replica = await redis.replicaOf(master);
      await replica.admin.cluster('FAILOVER');
      await redis.isServing();
      return () => redis.isWhole();
    },
    'slots moved': async ({ redis }, turn) => {
      const masters = await redis.masters();
      await redis.moveSlots(masters[turn % 2], masters[1 - (turn % 2)], 300);
    },
    'seed node and all connections killed': async ({ redis }) => {
      const [seed] = redis.servers;
      const restore = await killedInCluster(redis, seed);
      for (const server of redis.servers.filter(server => server !== seed))
        await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
      return restore;
    },
  },
};

async function configured({ admin }, name, during, after) {
  await admin.config('SET', name, during);
  await wait(1_000);
  await admin.config('SET', name, after);
}

/** Redis loses its memory together with the node that has the most of it. */
async function emptiedWithoutNode({ nodes, redis }) {
  await nodes[1].kill();
  await redis.admin.flushall();
  await nodes[1].start();
}

async function killedInCluster(redis, server) {
  await server.kill();
  await redis.isServing(server);
  return async () => {
    await server.start();
    await redis.isWhole();
  };
}

/** What each kind of Redis needs: the servers, and how far the nodes' clocks are off. */
const DEPLOYMENTS = {
  single: async () => ({ redis: await new Redis().start() }),
  'single, clocks apart': async () => ({ redis: await new Redis().start(), clockShifts: APART }),
  'single, clock of Redis': async () => {
    const clock = shiftedClock();
    return clock && { redis: await new Redis({ env: clock.env }).start(), clock };
  },
  Sentinel: async () => ({ redis: await new Sentinels().start() }),
  Cluster: async () => ({ redis: await new Cluster().start() }),
};

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
    if (!this.node.port) return 'not sent';
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
    socket.send(JSON.stringify({ type: 'auth', token: tokenOf(this.user) }));
    const [text] = await Promise.race([once(socket, 'message'), once(socket, 'close')]);
    if (JSON.parse(`${text}`).type !== 'auth_success') {
      socket.terminate();
      return undefined;
    }
    socket.on('close', () => {
      this.#socket = undefined;
      for (const answer of this.#waiting.values()) answer('lost');
      this.#waiting.clear();
    });
    socket.on('message', frame => {
      const { type, code, id, event } = JSON.parse(frame);
      const sent = id ?? event?.semanticcorrelationid;
      this.#waiting.get(sent)?.(code ?? type);
      this.#waiting.delete(sent);
    });
    return socket;
  }
}

/** Sends an event until it is decided. @returns all answers; the last one is final, or none came in time */
async function deliver(event, producer) {
  const answers = [];
  for (
    let until = performance.now() + PATIENCE;
    performance.now() < until;
    await wait(Math.min(100 * answers.length, 1_000))
  ) {
    const answer = await producer.send(event);
    answers.push(answer);
    if (FINAL.has(answer)) break;
    // A producer waits for a node that is down, and for its limit.
    if (answer === 'not sent' || answer === 'RATE_LIMITED') until = performance.now() + PATIENCE;
  }
  return answers;
}

/** @returns the milliseconds until every producer had new events accepted, of all shards of a cluster */
async function untilBack(producers) {
  const start = performance.now();
  for (const producer of producers)
    for (let accepted = 0; accepted < PROBES;)
      if ((await producer.send(signed('soak.echo'))) === 'event') accepted++;
      else await wait(20);
  return performance.now() - start;
}

async function run(name, fault, deployment) {
  const { nodes, handledFile } = deployment;
  writeFileSync(handledFile, '');
  const producers = Array.from(
    { length: PRODUCERS },
    (_, index) => new Producer(nodes[index % nodes.length], `${name}-${index}`),
  );
  const probes = nodes.map((node, index) => new Producer(node, `${name}-probe-${index}`));
  const answers = new Map();
  const end = performance.now() + seconds * 1_000;
  const load = producers.map(async (producer, index) => {
    const other = producers[(index + 1) % producers.length];
    const deliveries = [];
    for (; performance.now() < end; await wait(PACE)) {
      // A producer waits for a node that is down.
      if (!producer.node.port) continue;
      const event = signed('soak.echo');
      // Send it again to the other node once it is decided: a replay.
      const delivery = deliver(event, producer)
        .then(answer => answers.set(event.id, answer))
        .then(() => deliver(event, other));
      deliveries.push(delivery);
    }
    await Promise.all(deliveries);
  });
  await untilBack(probes);
  const back = [];
  for (let turn = 0; turn === 0 || performance.now() < end - 5_000; turn++) {
    await wait(2_000);
    const restore = await fault(deployment, turn);
    back.push(await untilBack(probes));
    if (typeof restore === 'function') await restore();
  }
  await Promise.all(load);
  for (const producer of [...producers, ...probes]) producer.close();
  return { fault: name, faults: back.length, ...judge(answers, handledFile), ...timesOf(back) };
}

/** @param answers the answers to each event, which was sent to one node until it was decided */
function judge(answers, handledFile) {
  const handled = new Map();
  for (const id of readFileSync(handledFile, 'utf8').split('\n'))
    handled.set(id, (handled.get(id) ?? 0) + 1);
  const count = of =>
    [...answers].filter(([id, given]) => of(handled.get(id) ?? 0, given.at(-1), given)).length;
  const isReplay = (times, last) => times === 0 && last === 'REPLAY_DETECTED';
  return {
    events: answers.size,
    twice: count(times => times > 1),
    'replay, never handled': count(isReplay),
    'after a lost connection': count(
      (times, last, given) => isReplay(times, last) && given.includes('lost'),
    ),
    'never decided': count((times, last) => times === 0 && !FINAL.has(last)),
    expired: count((times, last) => times === 0 && last === 'EVENT_EXPIRED'),
  };
}

function timesOf(back) {
  const inSeconds = milliseconds => (milliseconds / 1_000).toFixed(1);
  const sorted = [...back].sort((a, b) => a - b);
  return {
    'back after s': inSeconds(sorted[sorted.length >> 1]),
    'at most': inSeconds(sorted.at(-1)),
  };
}

const rows = [];
const onViolation = what => console.error(what);
for (const [kind, faults] of Object.entries(FAULTS)) {
  const chosen = Object.entries(faults).filter(([name]) => `${kind}: ${name}`.includes(wanted));
  if (chosen.length === 0) continue;
  const deployment = await DEPLOYMENTS[kind]();
  if (!deployment) {
    console.log(`skipped: ${kind} (gcc is missing)`);
    continue;
  }
  const { redis, clockShifts = [0, 0] } = deployment;
  const directory = mkdtempSync(join(tmpdir(), 'semantic-events-handled-'));
  const handledFile = join(directory, 'handled');
  const connection = redis.connection ?? { url: redis.url };
  const nodes = [];
  for (const clockShift of clockShifts)
    nodes.push(
      await new Node(connection, onViolation, { clockShift, handled: handledFile }).start(),
    );
  for (const [name, fault] of chosen) {
    rows.push(await run(`${kind}: ${name}`, fault, { ...deployment, nodes, handledFile }));
    console.log(JSON.stringify(rows.at(-1)));
  }
  for (const node of nodes) await node.kill();
  await redis.close();
  rmSync(directory, { recursive: true, force: true });
}
console.table(rows);
/** A killed node may have handled an event or not: the nonce stays used. */
const isForgiven = row =>
  row.fault.includes('node killed') &&
  row['replay, never handled'] === row['after a lost connection'];
const isBroken = row =>
  row.twice + row['never decided'] > 0 || (row['replay, never handled'] > 0 && !isForgiven(row));
process.exit(rows.some(isBroken) ? 1 : 0);
