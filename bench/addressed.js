// What an event for one user costs: on a node with 10,000 connections, beside a look-up in a Map and a send with one
// createHmac; and on the other nodes, beside an event for everybody. The second part needs redis-server.
// Usage: npm run build && node bench/addressed.js [--connections n] [--events n] [--nodes 1,2,4,10] [--masters 1,3]
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCluster, startRedis } from './measuring/redis.js';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    events: { type: 'string', default: '10000' },
    nodes: { type: 'string', default: '1,2,4,10' },
    masters: { type: 'string', default: '1,3' },
    node: { type: 'string' },
    ports: { type: 'string' },
  },
});
const EVENTS = Number(values.events);
const ROUNDS = 9;
/** Events whose answers a publisher waits for at a time. */
const AT_ONCE = 100;
const DATA = { text: 'x'.repeat(100) };

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const median = numbers => numbers.sort((a, b) => a - b)[numbers.length >> 1];

if (values.node !== undefined) await runNode(Number(values.node), numbersOf(values.ports));
else {
  await oneOfMany(Number(values.connections));
  await manyNodes(numbersOf(values.nodes), numbersOf(values.masters));
}

function numbersOf(list) {
  return list.split(',').map(Number);
}

/** The cost on a node that has the receiver. */
async function oneOfMany(connections) {
  const { NestFactory } = await import('@nestjs/core');
  const { Client, EventMesh, EventSigner, SemanticEventsModule } =
    await import('nestjs-semantic-events');
  const { SubscriptionHub } = await import('../dist/mesh/index.js');
  const secret = randomBytes(32).toString('hex');
  const module = SemanticEventsModule.forRoot({
    signing: { keys: [{ id: 'main', secret }] },
    auth: { validateToken: () => null },
    audit: 'off',
  });
  class Root {}
  const context = await NestFactory.createApplicationContext(
    { module: Root, imports: [module] },
    { logger: false },
  );
  const hub = context.get(SubscriptionHub, { strict: false });
  const mesh = context.get(EventMesh, { strict: false });
  const signer = context.get(EventSigner, { strict: false });
  let sent = 0;
  let last;
  const outletOf = client => ({
    client,
    subprotocol: 'semantic-events.v1',
    isOpen: true,
    queuedBytes: 0,
    send: frame => {
      sent++;
      last = frame;
    },
    refuse: code => {
      throw new Error(code);
    },
  });
  const sockets = new Map();
  for (let n = 0; n < connections; n++) {
    const client = new Client({ address: '127.0.0.1', headers: {}, secure: true }, Date.now());
    client.authenticateAs({ id: `user-${n}` }, Date.now() + 3_600_000);
    signer.sessionKeyOf(client);
    sockets.set(`user-${n}`, outletOf(client));
    hub.open(outletOf(client)).subscribe({ patterns: ['news.*'], scope: 'own' });
  }
  await wait(500);
  if (sent !== connections) throw new Error(`${sent} of ${connections} are subscribed`);

  const key = randomBytes(32);
  const bare = n => {
    const event = {
      data: DATA,
      id: randomUUID(),
      semanticnonce: randomUUID(),
      source: 'bench',
      specversion: '1.0',
      time: new Date().toISOString(),
      type: 'news.said',
    };
    const text = JSON.stringify(event);
    const mac = createHmac('sha256', key).update(text).digest('base64url');
    const frame = `{"type":"event","event":${text.slice(0, -1)},"semanticsignature":"${mac}"}}`;
    sockets.get(`user-${n % connections}`).send(Buffer.from(frame));
  };
  const times = { bare: [], mesh: [] };
  for (let round = 0; round < ROUNDS + 2; round++) {
    let before = cpu();
    for (let n = 0; n < EVENTS; n++) bare(n);
    times.bare.push((cpu() - before) / EVENTS);
    before = cpu();
    for (let n = 0; n < EVENTS; n++)
      await mesh.emitTo({ user: `user-${n % connections}` }, 'news.said', DATA);
    times.mesh.push((cpu() - before) / EVENTS);
    if (!`${last}`.includes('"semanticsignature":"v1.s-')) throw new Error(`sent ${last}`);
  }
  const ratios = times.mesh.map((time, at) => time / times.bare[at]).slice(2);
  console.log(`one receiver among ${connections} connections, µs of CPU an event:`);
  console.log(`  a Map, createHmac and send  ${median(times.bare.slice(2)).toFixed(1)}`);
  console.log(`  mesh.emitTo                 ${median(times.mesh.slice(2)).toFixed(1)}`);
  console.log(`  times                       ${median(ratios).toFixed(2)}`);
  await context.close();
}

/** The cost on nodes without a receiver, and how much one publisher gets through. */
async function manyNodes(counts, masters) {
  console.log(
    '\n| masters | nodes | event for | events/s | µs of another node | µs of the publisher |',
  );
  console.log(
    '| ------: | ----: | --------- | -------: | -----------------: | ------------------: |',
  );
  for (const number of masters) {
    const servers = number === 1 ? [await startRedis()] : await startCluster(number);
    const ports = servers.map(({ port }) => port);
    for (const count of counts)
      for (const audience of ['one user', 'everybody']) {
        const nodes = await Promise.all(
          Array.from({ length: count }, (_, n) => startNode(n, ports)),
        );
        const [publisher, other = publisher] = [nodes[0], nodes.at(-1)];
        const before = await Promise.all(nodes.map(node => ask(node, 'cpu')));
        const { seconds } = await ask(publisher, audience === 'everybody' ? 'all' : 'one');
        await wait(200);
        const after = await Promise.all(nodes.map(node => ask(node, 'cpu')));
        // What an idle node spends in the same time is not the events' cost.
        const idle = await idleOf(other, seconds + 0.2);
        const used = at => (after[at].cpu - before[at].cpu) / EVENTS;
        const last = count === 1 ? '—' : Math.max(0, used(count - 1) - idle / EVENTS).toFixed(2);
        console.log(
          `| ${number} | ${count} | ${audience} | ${Math.round(EVENTS / seconds)} | ${last} | ${used(0).toFixed(0)} |`,
        );
        for (const node of nodes) node.kill();
      }
    for (const server of servers) server.stop();
  }
}

async function idleOf(node, seconds) {
  const before = await ask(node, 'cpu');
  await wait(seconds * 1_000);
  return (await ask(node, 'cpu')).cpu - before.cpu;
}

async function startNode(n, ports) {
  const node = fork(fileURLToPath(import.meta.url), [
    `--node=${n}`,
    `--ports=${ports}`,
    `--events=${EVENTS}`,
  ]);
  await once(node, 'message');
  return node;
}

async function ask(node, what) {
  node.send(what);
  const [answer] = await once(node, 'message');
  return answer;
}

/** One node: it follows the log, and listens to the channel of one user. */
async function runNode(n, ports) {
  const { Cluster, Redis } = await import('ioredis');
  const { redisStores } = await import('nestjs-semantic-events/redis');
  const addresses = ports.map(port => ({ host: '127.0.0.1', port }));
  const client = ports.length === 1 ? new Redis(addresses[0]) : new Cluster(addresses);
  // Many processes start on few cores.
  const { eventLog } = redisStores({ client, commandTimeout: 10_000 });
  let received = 0;
  await eventLog.follow({
    entry: () => received++,
    reached: () => undefined,
    gap: () => undefined,
  });
  await eventLog.listen(`u:user-${n}`);
  const text = JSON.stringify({ type: 'news.said', data: DATA, id: randomUUID(), source: 'bench' });
  const publish = async channel => {
    const started = performance.now();
    for (let sent = 0; sent < EVENTS; sent += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, () =>
          eventLog.append({ channel, type: 'news.said', text }),
        ),
      );
    process.send({ seconds: (performance.now() - started) / 1_000 });
  };
  process.on('message', what => {
    if (what === 'cpu') process.send({ cpu: cpu(), received });
    else if (what === 'one') void publish('u:user-0');
    else void publish('');
  });
  process.send('ready');
}
