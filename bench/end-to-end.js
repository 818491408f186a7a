// What a message costs the server, stock and protected, side by side: server CPU per message, medians over rounds
// take turns. Usage: npm run build && node bench/end-to-end.js [rounds]; with TELEMETRY=metrics or TELEMETRY=all in the
// environment, the protected one measures itself.
import { fork } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { JwtService } from '@nestjs/jwt';
import canonicalize from 'canonicalize';
import { WebSocket } from 'ws';
import { DATA, JWT_SECRET } from './servers/settings.js';

const ROUNDS = Number(process.argv[2] ?? 7);
const MESSAGES = 5_000;
const IN_FLIGHT = 50;

class Peer {
  static async start(name) {
    const peer = new Peer();
    peer.name = name;
    peer.server = fork(new URL(`./servers/${name}.js`, import.meta.url));
    const [{ port }] = await once(peer.server, 'message');
    peer.socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
    await once(peer.socket, 'open');
    return peer;
  }

  async authenticate() {
    const token = new JwtService({}).sign(
      { sub: 'alice' },
      { secret: JWT_SECRET, expiresIn: 3600 },
    );
    this.socket.send(JSON.stringify({ type: 'auth', token }));
    const [answer] = await once(this.socket, 'message');
    this.signing = JSON.parse(answer).signing;
    this.key = Buffer.from(this.signing.key, 'base64url');
    return this;
  }

  frame() {
    const event = {
      specversion: '1.0',
      type: 'demo.echo',
      source: 'bench',
      id: randomUUID(),
      time: new Date().toISOString(),
      semanticnonce: randomUUID(),
      data: DATA,
    };
    if (!this.key) return JSON.stringify({ event: 'demo.echo', data: event });
    const mac = createHmac('sha256', this.key).update(`v1.c2s.${canonicalize(event)}`);
    const semanticsignature = `v1.${this.signing.key_id}.${mac.digest('base64url')}`;
    return JSON.stringify({ type: 'event', event: { ...event, semanticsignature } });
  }

  async cpu() {
    this.server.send('cpu');
    const [{ cpu }] = await once(this.server, 'message');
    return cpu;
  }

  /** Server CPU per message, in microseconds. */
  async round() {
    const frames = Array.from({ length: MESSAGES }, () => this.frame());
    const before = await this.cpu();
    await new Promise(resolve => {
      let sent = 0;
      let received = 0;
      const send = () => sent < MESSAGES && this.socket.send(frames[sent++]);
      const onMessage = () => {
        send();
        if (++received === MESSAGES) {
          this.socket.off('message', onMessage);
          resolve();
        }
      };
      this.socket.on('message', onMessage);
      for (let first = 0; first < IN_FLIGHT; first++) send();
    });
    return ((await this.cpu()) - before) / MESSAGES;
  }
}

const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const peers = [
  await Peer.start('stock-nest'),
  await (await Peer.start('protected')).authenticate(),
];
const figures = new Map(peers.map(({ name }) => [name, []]));
for (const peer of peers) await peer.round();
for (let round = 0; round < ROUNDS; round++)
  for (const peer of peers) figures.get(peer.name).push(await peer.round());

const stock = median(figures.get('stock-nest'));
const results = [...figures].map(([name, rounds]) => ({
  server: name,
  'CPU µs per message': median(rounds).toFixed(1),
  'times stock': (median(rounds) / stock).toFixed(2),
}));
console.log(`Node ${process.version}, ${MESSAGES} messages a round, ${ROUNDS} rounds`);
console.table(results);
console.log(JSON.stringify(results));
for (const { server, socket } of peers) {
  socket.terminate();
  server.kill();
}
