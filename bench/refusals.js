// Measures the server CPU to reject a frame, compared with accepting one: by the limit of the connection, by the limit of a
// handler, and by size. A frame that is too large closes its connection. Frames arrive as fast as clients can send them,
// over a few connections that strikes do not close.
// Usage: npm run build && node bench/refusals.js [--full] [--rounds n] [--messages n] [--connections n]
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { comparison } from './measuring/comparison.js';
import { logIn, NATIVE, open } from './measuring/dialects.js';
import { makeEvent } from './measuring/events.js';
import { INPUTS } from './measuring/inputs.js';
import { atMost } from './measuring/report.js';
import { interleaved, median, timesOf } from './measuring/rounds.js';
import { ServerProcess } from './measuring/server-process.js';

const FLOODERS = 8;
/** The number of frames a client passes to its system at once, and the number that may wait there. */
const BURST = 50;
const MAX_WAITING = 65_536;
/** The interval at which the server is asked for its progress, in milliseconds. */
const PACE = 25;
/** The CPU time a server needs to answer that, in microseconds. A server that uses no more is idle. */
const AT_REST = 1_000;
/** Warm-up rounds, so that V8 also compiles the rare code that ends a connection. */
const WARM_UP = 5;

/** Data just below the limit of an authenticated client, just above it, and above the limit before authentication. */
const LARGE = { text: 'x'.repeat(65_000) };
const OVERSIZED = 'x'.repeat(66_000);
const OVERSIZED_UNAUTHENTICATED = 'x'.repeat(9_000);

/** A stream of frames that all arrive, whatever the server does with them. */
class Stream {
  /** @param share the part of a round's messages to send */
  static async start(server, { type = 'demo.echo', data = INPUTS.ui.data, isAccepted, share = 1 }) {
    const stream = new Stream();
    Object.assign(stream, { server, type, data, isAccepted, share });
    stream.clients = await Promise.all(Array.from({ length: FLOODERS }, () => logIn(server.port)));
    return stream;
  }

  /** Returns the server CPU per frame, in microseconds. */
  async round({ messages }) {
    const each = Math.ceil((messages * this.share) / FLOODERS);
    const work = this.clients.map(client => ({
      client,
      frames: Array.from({ length: each }, () =>
        NATIVE.frame(makeEvent(this.data, this.type), client),
      ),
    }));
    const count = each * FLOODERS;
    const counts = work.map(({ client }) => countAnswers(client.socket));
    const expected = (await this.received()) + count;
    const before = await this.server.cpu();
    await Promise.all(work.map(({ client, frames }) => pour(client.socket, frames)));
    while ((await this.received()) < expected) await wait(PACE);
    const cpu = (await cpuAtRest(this.server)) - before;
    const accepted = counts.reduce((sum, stop) => sum + stop(), 0);
    if (accepted !== (this.isAccepted ? count : 0))
      throw new Error(`${accepted} of ${count} frames were accepted`);
    return cpu / count;
  }

  async received() {
    return (await this.server.ask('received')).received;
  }
}

/** Returns the CPU time of a server when it is idle again, in microseconds. */
async function cpuAtRest(server) {
  let last = await server.cpu();
  for (;;) {
    await wait(PACE);
    const cpu = await server.cpu();
    if (cpu - last < AT_REST) return last;
    last = cpu;
  }
}

async function pour(socket, frames) {
  for (let from = 0; from < frames.length; from += BURST) {
    for (const frame of frames.slice(from, from + BURST)) socket.send(frame);
    do await new Promise(setImmediate);
    while (socket.bufferedAmount > MAX_WAITING);
  }
}

/** Counts answers. @returns a function that stops and returns the number of accepted frames */
function countAnswers(socket) {
  let accepted = 0;
  const count = message => {
    if (message.includes('"type":"event"')) accepted++;
  };
  socket.on('message', count);
  return () => {
    socket.off('message', count);
    return accepted;
  };
}

/** Returns the server CPU per closed connection, in microseconds. */
async function costOfEnd(server, connect, count, end) {
  const sockets = await Promise.all(Array.from({ length: count }, connect));
  const codes = sockets.map(socket => once(socket, 'close').then(([code]) => code));
  const before = await server.cpu();
  for (const socket of sockets) end(socket);
  const given = new Set(await Promise.all(codes));
  return { cpu: ((await cpuAtRest(server)) - before) / count, given: [...given] };
}

/**
 * Measures the extra cost of a connection that ends with a frame that is too large, compared with one that its client
 * closes.
 */
class Oversized {
  constructor(server, connect, frame) {
    Object.assign(this, { server, connect, frame });
  }

  async round({ connections }) {
    const connect = () => this.connect(this.server.port);
    const tooLarge = await costOfEnd(this.server, connect, connections, socket => {
      socket.send(this.frame);
    });
    if (`${tooLarge.given}` !== '1009') throw new Error(`closed with ${tooLarge.given}`);
    const closed = await costOfEnd(this.server, connect, connections, socket => {
      socket.close(1000);
    });
    return tooLarge.cpu - closed.cpu;
  }
}

const ACCEPTED = 'accepted, 340 B';
const LIMITED = 'over the limit of the handler, 340 B';
const FLOOD = 'over the limit of the connection, 340 B';
const LARGE_ACCEPTED = 'accepted, 65 kB';
const TOO_LARGE = 'too large, 66 kB, and the end of its connection';
const TOO_LARGE_FOR_WS = 'the same, refused by ws alone';
const TOO_LARGE_UNAUTHENTICATED =
  'too large before authentication, 9 kB, and the end of its connection';

const SIZES = {
  rounds: { short: 5, full: 15 },
  messages: { short: 4_000, full: 16_000 },
  connections: { short: 300, full: 500 },
};

await comparison(import.meta, SIZES, async options => {
  const [server, strict, large, ws] = await Promise.all([
    ServerProcess.start('protected', { input: 'ui' }),
    ServerProcess.start('protected', {
      input: 'ui',
      connection: { messageRate: 0.001, messageBurst: 1 },
    }),
    ServerProcess.start('protected', { input: 'large' }),
    ServerProcess.start('echo-ws', { maxPayload: 65_536 }),
  ]);
  const authenticated = async port => (await logIn(port)).socket;
  const anybody = port => open(`ws://127.0.0.1:${port}/events`);
  const subjects = {
    [ACCEPTED]: await Stream.start(server, { isAccepted: true }),
    [LIMITED]: await Stream.start(server, { type: 'demo.hourly', isAccepted: false }),
    [FLOOD]: await Stream.start(strict, { isAccepted: false }),
    [LARGE_ACCEPTED]: await Stream.start(large, { data: LARGE, isAccepted: true, share: 1 / 20 }),
    [TOO_LARGE]: new Oversized(large, authenticated, OVERSIZED),
    [TOO_LARGE_FOR_WS]: new Oversized(ws, anybody, OVERSIZED),
    [TOO_LARGE_UNAUTHENTICATED]: new Oversized(large, anybody, OVERSIZED_UNAUTHENTICATED),
  };
  await useUp(subjects[LIMITED].clients[0], 'demo.hourly');
  await Promise.all(subjects[FLOOD].clients.map(client => useUp(client, 'demo.echo')));

  const titles = Object.keys(subjects);
  const measure = title => subjects[title].round(options);
  await interleaved(titles, WARM_UP, measure);
  const figures = await interleaved(titles, options.rounds, measure, options.until);
  await Promise.all([server, strict, large, ws].map(one => one.stop()));

  const times = (one, other) => timesOf(figures.get(one), figures.get(other));
  return {
    tables: {
      'Refusals, server CPU': [...figures].map(([frame, rounds]) => ({
        'a frame': frame,
        'CPU µs': median(rounds),
        least: Math.min(...rounds),
        most: Math.max(...rounds),
        'times accepted, 340 B': times(frame, ACCEPTED),
      })),
    },
    targets: [
      atMost(0.3, 'refused over the limit of the connection, to accepted', times(FLOOD, ACCEPTED)),
      atMost(0.3, 'refused over the limit of the handler, to accepted', times(LIMITED, ACCEPTED)),
      atMost(0.3, 'refused for 66 kB, to 65 kB accepted', times(TOO_LARGE, LARGE_ACCEPTED)),
    ],
  };
});

/** Sends the one event per hour that the handler accepts. */
async function useUp(client, type) {
  client.socket.send(NATIVE.frame(makeEvent(INPUTS.ui.data, type), client));
  await once(client.socket, 'message');
}
