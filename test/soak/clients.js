// The clients of the soak: honest and hostile ones. All share one tally and one list of violations.
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { JwtService } from '@nestjs/jwt';
import canonicalize from 'canonicalize';
import { WebSocket } from 'ws';
import { JWT_SECRET, MAX_AGE, RING_KEY } from './settings.js';

/** The time to keep answers, in milliseconds: longer than their events can be replayed. */
const REMEMBERED = 4 * MAX_AGE;

export class Crowd {
  isOver = false;
  tally = {};
  violations = [];
  /** Answered events by id. A second answer means an accepted replay. */
  #answered = new Map();
  /** Recently answered frames, for replays. */
  #frames = [];

  constructor(nodes) {
    this.nodes = nodes;
  }

  count(what) {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  violate(what) {
    if (this.violations.length < 20) this.violations.push(what);
  }

  /** Runs an honest client: authenticates, sends events at its own pace, receives answers, and reconnects. */
  async good(name) {
    while (!this.isOver) {
      const socket = await this.#login(name);
      if (!socket) continue;
      const leaves = performance.now() + 1_000 + Math.random() * 4_000;
      while (!this.isOver && socket.readyState === WebSocket.OPEN && performance.now() < leaves) {
        this.#send(socket, signed('soak.echo'));
        await wait(100);
      }
      if (Math.random() < 0.5) socket.terminate();
      else socket.close();
    }
  }

  /** Sends answered frames again, on another socket and often on another node. */
  async replayer(name) {
    while (!this.isOver) {
      const socket = await this.#login(name);
      if (!socket) continue;
      for (let sent = 0; sent < 40 && !this.isOver; sent++) {
        const frame = this.#frames[Math.floor(Math.random() * this.#frames.length)];
        if (frame) {
          this.count('replayed');
          this.#send(socket, frame);
        }
        await wait(50);
      }
      socket.terminate();
    }
  }

  /** Runs one hostile action after the other. */
  async hostile(name) {
    const pranks = Object.values(PRANKS);
    for (let turn = 0; !this.isOver; turn++) {
      const port = this.#anyPort();
      if (port)
        await pranks[turn % pranks.length](port, () => this.#login(name)).catch(() => undefined);
      this.count('pranks');
      await wait(50);
    }
  }

  #anyPort() {
    const up = this.nodes.filter(({ port }) => port);
    return up[Math.floor(Math.random() * up.length)]?.port;
  }

  async #login(name) {
    const port = this.#anyPort();
    const socket = port && (await open(port));
    if (!socket) {
      this.count('not connected');
      await wait(200);
      return undefined;
    }
    socket.on('message', text => this.#receive(socket, JSON.parse(text)));
    const authenticated = new Promise(resolve => {
      socket.once('message', resolve);
      socket.once('close', resolve);
    });
    socket.send(JSON.stringify({ type: 'auth', token: tokenOf(name) }));
    await authenticated;
    return socket;
  }

  #send(socket, frame) {
    if (socket.readyState !== WebSocket.OPEN) return;
    this.count('sent');
    socket.sent = (socket.sent ?? new Map()).set(frame.id, frame);
    if (socket.sent.size > 200) socket.sent.delete(socket.sent.keys().next().value);
    socket.send(frame.text);
  }

  #receive(socket, { type, code, event }) {
    this.count(code ?? (type === 'event' ? 'answered' : type));
    if (type !== 'event') return;
    const id = event.semanticcorrelationid;
    if (this.#answered.has(id)) this.violate(`an event was answered twice: ${id}`);
    this.#answered.set(id, performance.now());
    const frame = socket.sent?.get(id);
    if (!frame) return;
    this.#frames.push(frame);
    if (this.#frames.length > 200) this.#frames.shift();
    for (const [old, at] of this.#answered) {
      if (at > performance.now() - REMEMBERED) break;
      this.#answered.delete(old);
    }
  }
}

/** Hostile actions. Each one receives the port of a node and a function to log in. */
const PRANKS = {
  async 'resets its connection'(port) {
    const socket = await open(port);
    socket?._socket.resetAndDestroy();
  },
  async 'breaks its handshake off'(port) {
    const socket = createConnection(port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET /events HTTP/1.1\r\nHost: x\r\nUpgrade: web');
    await wait(20);
    socket.resetAndDestroy();
  },
  async 'never authenticates'(port) {
    const socket = await open(port);
    setTimeout(() => socket?.terminate(), 3_000).unref();
  },
  async 'comes from a page of others'(port) {
    await open(port, { origin: 'https://evil.example' });
  },
  async 'guesses tokens'(port) {
    const socket = await open(port);
    socket?.send('{"type":"auth","token":"guessed"}');
    await wait(20);
    socket?.terminate();
  },
  async 'sends what is no frame until it is closed'(_, login) {
    const socket = await login();
    for (let sent = 0; sent < 100; sent++) socket?.send('{"type":');
    await wait(100);
    socket?.terminate();
  },
  async 'sends too much at once'(_, login) {
    const socket = await login();
    socket?.send('x'.repeat(100_000));
    await wait(50);
    socket?.terminate();
  },
  async 'sends bytes'(_, login) {
    const socket = await login();
    socket?.send(Buffer.alloc(100));
    await wait(20);
    socket?.terminate();
  },
  async 'changes what is signed'(_, login) {
    const socket = await login();
    for (let sent = 0; sent < 5; sent++)
      socket?.send(signed('soak.echo').text.replace('checkout', 'refund'));
    await wait(50);
    socket?.terminate();
  },
  async 'stops reading and goes on sending'(_, login) {
    const socket = await login();
    socket?._socket.pause();
    for (let sent = 0; sent < 50; sent++) socket?.send('{"type":"ping"}');
    await wait(200);
    socket?._socket.resetAndDestroy();
  },
};

export async function open(port, options) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/events`, options);
  socket.on('error', () => undefined);
  await Promise.race([once(socket, 'open'), once(socket, 'close')]).catch(() => undefined);
  return socket.readyState === WebSocket.OPEN ? socket : undefined;
}

const jwt = new JwtService({});
export function tokenOf(user) {
  return jwt.sign({ sub: user }, { secret: JWT_SECRET, expiresIn: 3_600 });
}

export function signed(type) {
  const event = {
    specversion: '1.0',
    type,
    source: 'soak',
    id: randomUUID(),
    time: new Date().toISOString(),
    semanticnonce: randomUUID(),
    data: { button: 'checkout' },
  };
  const mac = createHmac('sha256', RING_KEY.secret).update(`v1.c2s.${canonicalize(event)}`);
  const semanticsignature = `v1.${RING_KEY.id}.${mac.digest('base64url')}`;
  return {
    id: event.id,
    text: JSON.stringify({ type: 'event', event: { ...event, semanticsignature } }),
  };
}
