// Measures the server CPU per delivery when one event goes to many subscribed sockets. Compares with a bare ws loop that
// sends one prepared buffer, the same loop with a MAC for each socket, and a socket.io room. It counts every delivery and
// verifies its signature.
// Usage: npm run build && node bench/fan-out.js [--full] [--sockets n] [--rounds n] [--events n]
import { createHmac, createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { comparison } from './measuring/comparison.js';
import { logIn, open, openSocketIo } from './measuring/dialects.js';
import { signedText } from './measuring/events.js';
import { atMost } from './measuring/report.js';
import { interleaved, median, timesOf } from './measuring/rounds.js';
import { ServerProcess } from './measuring/server-process.js';

const BATCH = 100;
const WARM_UP = 2;

class FanOut {
  received = 0;
  verified = 0;
  /** The frames of this round, each with the function that verifies it, if there is one. */
  frames = [];

  /** @param settings settings of a server that receives the number of bytes to send and to sign */
  static async start(name, connect, sockets, settings) {
    const fanOut = new FanOut();
    fanOut.sockets = sockets;
    fanOut.server = await ServerProcess.start(name, settings);
    for (let made = 0; made < sockets; made += BATCH)
      await Promise.all(
        Array.from({ length: Math.min(BATCH, sockets - made) }, () =>
          connect(fanOut, fanOut.server.port),
        ),
      );
    return fanOut;
  }

  /** Records a delivery. */
  took(frame, isGenuine) {
    this.frames.push([frame, isGenuine]);
    if (++this.received % this.sockets === 0) this.done?.();
  }

  /** Server CPU per delivery, in microseconds. */
  async round(events) {
    const before = await this.server.cpu();
    for (let event = 0; event < events; event++) {
      const done = new Promise(resolve => (this.done = resolve));
      this.server.tell('publish');
      await done;
    }
    const used = (await this.server.cpu()) - before;
    // Verify after the measurement, so that the load costs the same for every server: they share caches.
    this.verify();
    return used / events / this.sockets;
  }

  verify() {
    for (const [frame, isGenuine] of this.frames.splice(0)) {
      this.frame = frame.toString();
      if (isGenuine?.(this.frame)) this.verified++;
    }
  }
}

async function overWs(fanOut, port) {
  const socket = await open(`ws://127.0.0.1:${port}/events`);
  socket.on('message', frame => fanOut.took(frame));
}

async function overSocketIo(fanOut, port) {
  const { socket } = await openSocketIo(port, 'alice');
  socket.on('message', frame => frame.length > 1 && fanOut.took(frame));
}

const overMesh = signatures => async (fanOut, port) => {
  const { socket, key } = await logIn(port);
  socket.send(JSON.stringify({ type: 'subscribe', patterns: ['demo.*'], signatures }));
  await once(socket, 'message');
  const isGenuine = signatures === 'v1e' ? broadcastVerifier(key) : macVerifier(key);
  socket.on('message', frame => fanOut.took(frame, isGenuine));
};

function macVerifier({ key_id, key }) {
  return frame => {
    const { semanticsignature, ...event } = JSON.parse(frame).event;
    const mac = createHmac('sha256', key).update(signedText(event, 's2c'));
    return semanticsignature === `v1.${key_id}.${mac.digest('base64url')}`;
  };
}

/** The last verified frame of all sockets. Identical frames are verified once. */
let genuine;

function broadcastVerifier({ broadcast }) {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: broadcast.public_key };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return frame => {
    if (frame === genuine) return true;
    const { semanticsignature, ...event } = JSON.parse(frame).event;
    const signature = Buffer.from(semanticsignature.split('.')[2], 'base64url');
    const text = signedText(event, 's2c').replace(/^v1/, 'v1e');
    if (verify(null, Buffer.from(text), key, signature)) genuine = frame;
    return frame === genuine;
  };
}

/** Returns the bytes to send and to sign, for servers that do not know an event. */
function sizesOf(frame) {
  const { semanticsignature: _, ...event } = JSON.parse(frame).event;
  return {
    frameSize: Buffer.byteLength(frame),
    signedSize: Buffer.byteLength(signedText(event, 's2c')),
  };
}

const BARE = 'bare ws, one buffer';
/** The minimum for a server that sends each client a MAC of its own. */
const FLOOR = 'bare ws, one buffer, and a createHmac each';
const MAC = 'mesh, MAC per session';
const ED25519 = 'mesh, Ed25519, one frame for all';

const SIZES = {
  sockets: { short: 1_000, full: 1_000 },
  rounds: { short: 5, full: 15 },
  events: { short: 5, full: 20 },
};

await comparison(import.meta, SIZES, async ({ sockets, rounds, events, until }) => {
  const byMac = await FanOut.start('publish-mesh', overMesh(), sockets);
  const byKeyPair = await FanOut.start('publish-mesh', overMesh('v1e'), sockets);
  await byKeyPair.round(1);
  const { frameSize, signedSize } = sizesOf(byKeyPair.frame);
  const all = new Map([
    [BARE, await FanOut.start('publish-ws', overWs, sockets, { frameSize })],
    [FLOOR, await FanOut.start('publish-ws', overWs, sockets, { frameSize, signedSize })],
    [
      'socket.io room',
      await FanOut.start('publish-socket-io', overSocketIo, sockets, { frameSize }),
    ],
    [MAC, byMac],
    [ED25519, byKeyPair],
  ]);
  const titles = [...all.keys()];
  const measure = title => all.get(title).round(events);
  await interleaved(titles, WARM_UP, measure);
  const figures = await interleaved(titles, rounds, measure, until);
  const expected = (figures.get(BARE).length + WARM_UP) * events * sockets;
  // This server reported the length of a frame first.
  byKeyPair.received -= sockets;
  byKeyPair.verified -= sockets;
  const times = (one, other) => timesOf(figures.get(one), figures.get(other));
  const rows = titles.map(title => ({
    server: title,
    'CPU µs per delivery': median(figures.get(title)),
    least: Math.min(...figures.get(title)),
    most: Math.max(...figures.get(title)),
    'times bare': times(title, BARE),
    delivered: `${all.get(title).received} of ${expected}`,
    verified: title.startsWith('mesh') ? all.get(title).verified : undefined,
  }));
  for (const { server } of all.values()) await server.stop();
  return {
    tables: { [`Fan-out of ${frameSize} B to ${sockets.toLocaleString('en')} sockets`]: rows },
    targets: [
      atMost(1.1, 'fan-out, one frame for all, to a bare loop', times(ED25519, BARE)),
      atMost(1.1, 'fan-out, MAC per session, to a bare loop', times(MAC, BARE)),
      atMost(1.1, 'fan-out, MAC per session, to a bare loop with MACs', times(MAC, FLOOR)),
    ],
  };
});
