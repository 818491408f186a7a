// What the event mesh costs. First, one event to many subscribed sockets: server CPU per delivery, beside a bare ws
// loop that sends one prepared buffer and a socket.io room, medians over rounds that take turns; every delivery
// is counted, and its signature verified once the round is over: clients that are busy meanwhile make writing to them
// dearer, whatever the server does. Then the search for who listens, among few and many.
// Usage: npm run build && node bench/mesh.js [sockets] [rounds]
import { fork } from 'node:child_process';
import { createHmac, createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { JwtService } from '@nestjs/jwt';
import canonicalize from 'canonicalize';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { PatternIndex } from '../build/js/mesh/pattern-index.js';
import { JWT_SECRET } from './servers/settings.js';

const SOCKETS = Number(process.argv[2] ?? 1_000);
const ROUNDS = Number(process.argv[3] ?? 9);
const EVENTS = 20;
const BATCH = 100;
/** About as long as a frame of the mesh. */
const FRAME_SIZE = 560;

const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

class FanOut {
  received = 0;
  verified = 0;
  /** What came in this round, and what tells whether it is genuine. */
  taken = [];

  constructor(title, name, connect) {
    Object.assign(this, { title, name, connect });
  }

  async start() {
    this.server = fork(new URL(`./servers/${this.name}.js`, import.meta.url), [String(FRAME_SIZE)]);
    const [{ port }] = await once(this.server, 'message');
    for (let made = 0; made < SOCKETS; made += BATCH)
      await Promise.all(Array.from({ length: BATCH }, () => this.connect(this, port)));
    return this;
  }

  /** Called for each delivery. */
  took(message, isGenuine) {
    this.taken.push([message, isGenuine]);
    if (++this.received % SOCKETS === 0) this.done?.();
  }

  async cpu() {
    this.server.send('cpu');
    const [{ cpu }] = await once(this.server, 'message');
    return cpu;
  }

  /** Server CPU per delivery, in microseconds. */
  async round() {
    const before = await this.cpu();
    for (let event = 0; event < EVENTS; event++) {
      const done = new Promise(resolve => (this.done = resolve));
      this.server.send('publish');
      await done;
    }
    const used = (await this.cpu()) - before;
    for (const [message, isGenuine] of this.taken) if (isGenuine(message)) this.verified++;
    this.taken = [];
    return used / EVENTS / SOCKETS;
  }
}

const isUnsigned = () => false;

async function overWs(fanOut, port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
  await once(socket, 'open');
  socket.on('message', message => fanOut.took(message, isUnsigned));
}

async function overSocketIo(fanOut, port) {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true });
  await new Promise(resolve => socket.once('connect', resolve));
  socket.on('e', message => fanOut.took(message, isUnsigned));
}

const token = new JwtService({}).sign({ sub: 'alice' }, { secret: JWT_SECRET, expiresIn: 3600 });

const overMesh = signatures => async (fanOut, port) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'auth', token }));
  const { signing } = JSON.parse((await once(socket, 'message'))[0]);
  socket.send(JSON.stringify({ type: 'subscribe', patterns: ['demo.*'], signatures }));
  await once(socket, 'message');
  const isGenuine = signatures === 'v1e' ? broadcastVerifier(signing) : macVerifier(signing);
  socket.on('message', message => fanOut.took(message, isGenuine));
};

function macVerifier({ key_id, key }) {
  const secret = Buffer.from(key, 'base64url');
  return message => {
    const { semanticsignature, ...event } = JSON.parse(message).event;
    const mac = createHmac('sha256', secret).update(`v1.s2c.${canonicalize(event)}`);
    return semanticsignature === `v1.${key_id}.${mac.digest('base64url')}`;
  };
}

function broadcastVerifier({ broadcast }) {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: broadcast.public_key };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return message => {
    const { semanticsignature, ...event } = JSON.parse(message).event;
    const signature = Buffer.from(semanticsignature.split('.')[2], 'base64url');
    return verify(null, Buffer.from(`v1e.s2c.${canonicalize(event)}`), key, signature);
  };
}

async function measureFanOut() {
  const all = [
    await new FanOut('bare ws, one buffer', 'fan-out-ws', overWs).start(),
    await new FanOut('socket.io room', 'fan-out-socket-io', overSocketIo).start(),
    await new FanOut('mesh, MAC per session', 'mesh', overMesh()).start(),
    await new FanOut('mesh, Ed25519', 'mesh', overMesh('v1e')).start(),
  ];
  const figures = new Map(all.map(fanOut => [fanOut, []]));
  for (const fanOut of all) await fanOut.round();
  for (let round = 0; round < ROUNDS; round++)
    for (const fanOut of all) figures.get(fanOut).push(await fanOut.round());
  const bare = median(figures.get(all[0]));
  const expected = (ROUNDS + 1) * EVENTS * SOCKETS;
  const results = [...figures].map(([fanOut, rounds]) => ({
    server: fanOut.title,
    'CPU µs per delivery': median(rounds).toFixed(2),
    least: Math.min(...rounds).toFixed(2),
    'times bare': (median(rounds) / bare).toFixed(2),
    delivered: `${fanOut.received} of ${expected}`,
    verified: fanOut.name === 'mesh' ? fanOut.verified : '—',
  }));
  for (const { server } of all) server.kill();
  return results;
}

const PATTERNS_EACH = 5;

/** Subscribers of whom ten listen to what is published, however many there are. */
function indexOf(subscribers) {
  const index = new PatternIndex();
  for (let n = 0; n < subscribers; n++) {
    const room = Math.floor(n / 10);
    for (const pattern of [
      `room.${room}.said`,
      `user.${n}.**`,
      `team.${room}.*.changed`,
      `order.*.${n}`,
      `**.alert.${n}`,
    ])
      index.add(pattern, n);
  }
  return index;
}

function measureMatching() {
  const [few, many] = [100, 10_000].map(subscribers => ({ subscribers, rounds: [] }));
  for (const side of [few, many]) side.index = indexOf(side.subscribers);
  const matches = 20_000;
  for (let round = 0; round <= ROUNDS; round++)
    for (const { index, rounds } of [few, many]) {
      const { user: before } = process.cpuUsage();
      let found = 0;
      for (let n = 0; n < matches; n++) found += index.match('room.7.said').size;
      if (found !== 10 * matches) throw new Error(`found ${found}`);
      rounds.push((process.cpuUsage().user - before) / matches);
    }
  return [few, many].map(({ subscribers, rounds }) => ({
    subscribers,
    patterns: subscribers * PATTERNS_EACH,
    'that match': 10,
    'CPU µs per event': median(rounds).toFixed(2),
    'times 100 subscribers': (median(rounds) / median(few.rounds)).toFixed(2),
  }));
}

console.log(
  `Node ${process.version}, ${SOCKETS} sockets, ${EVENTS} events a round, ${ROUNDS} rounds`,
);
const results = { fanOut: await measureFanOut(), matching: measureMatching() };
console.table(results.fanOut);
console.table(results.matching);
console.log(JSON.stringify(results));
process.exit();
