// Measures the server CPU per message from the socket to the answer: stock Nest, servers protected by hand, and servers
// protected by this library. Every server answers with the data it received.
// Usage: npm run build && node bench/end-to-end.js [--full] [--rounds n] [--messages n] [--input name]
// [--telemetry metrics|all]
import { comparison } from './measuring/comparison.js';
import {
  HAND_WRITTEN,
  NATIVE,
  NATIVE_IN_ANY_ORDER,
  NATIVE_IN_NEST,
  SOCKET_IO,
  UNPROTECTED,
} from './measuring/dialects.js';
import { makeEvent, signedText } from './measuring/events.js';
import { INPUTS } from './measuring/inputs.js';
import { Load } from './measuring/load.js';
import { atMost } from './measuring/report.js';
import { interleaved, median, timesOf } from './measuring/rounds.js';
import { ServerProcess } from './measuring/server-process.js';

const STOCK = 'stock Nest, unprotected';
const BY_HAND = 'stock Nest, guards by hand';
const PLAIN = 'protected, plain replies';
const SIGNED = 'protected, signed replies';

/** The servers: the file, its settings, and the dialect of its clients. */
const SERVERS = {
  'ws alone, unprotected': ['echo-ws', {}, UNPROTECTED],
  [STOCK]: ['stock-nest', {}, UNPROTECTED],
  [BY_HAND]: ['guarded-nest', {}, HAND_WRITTEN],
  'socket.io, checks by hand': ['guarded-socket-io', {}, SOCKET_IO],
  [PLAIN]: ['protected', { replies: 'plain' }, NATIVE_IN_NEST],
  [SIGNED]: ['protected', { replies: 'signed' }, NATIVE],
  'the same, members in any order': ['protected', { replies: 'signed' }, NATIVE_IN_ANY_ORDER],
};

/**
 * Numbers of connections and of messages in flight per connection. The first shape is typical for production, and the
 * targets use it: many clients that wait for an answer most of the time. The other shapes show the effect of batched reads
 * and writes.
 */
const SHAPES = [
  { connections: 64, inFlight: 1 },
  { connections: 8, inFlight: 4 },
  { connections: 1, inFlight: 1 },
  { connections: 1, inFlight: 50 },
];
const [MAIN] = SHAPES;
const MOST_CONNECTIONS = 64;
const nameOf = ({ connections, inFlight }) => `${connections} × ${inFlight}`;

/** Warm-up rounds, so that V8 has compiled the measured code, as in a server that has run for a minute. */
const WARM_UP = 5;
/** The part of the messages for shapes without a target. */
const LESS = 1 / 4;

async function measureInput(input, shapes, { rounds, messages, telemetry, until }, isMain) {
  const loads = new Map();
  for (const [title, [name, settings, dialect]] of Object.entries(SERVERS)) {
    const server = await ServerProcess.start(name, { ...settings, input, telemetry });
    loads.set(title, await Load.connect(server, dialect, MOST_CONNECTIONS));
  }
  const titles = [...loads.keys()];
  const { data } = INPUTS[input];
  const results = new Map();
  for (const shape of shapes) {
    const isFirst = shape === shapes[0];
    const count = isMain && isFirst ? messages : Math.ceil(messages * LESS);
    const measure = title => loads.get(title).round(shape, count, data);
    await interleaved(titles, isFirst ? WARM_UP : 1, measure);
    // Measure the shape with targets twice as long.
    const taken = isFirst ? rounds : Math.ceil(rounds / 2);
    results.set(shape, await interleaved(titles, taken, measure, until));
  }
  for (const load of loads.values()) {
    load.close();
    await load.server.stop();
  }
  return results;
}

function rowsOf(figures) {
  const stock = figures.get(STOCK);
  const byHand = figures.get(BY_HAND);
  return [...figures].map(([server, rounds]) => ({
    server,
    'CPU µs a message': median(rounds),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
    'times stock': timesOf(rounds, stock),
    'times by hand': timesOf(rounds, byHand),
  }));
}

function targetsOf(figures) {
  const times = (one, other) => timesOf(figures.get(one), figures.get(other));
  return [
    atMost(1.0, 'plain replies, to stock Nest unprotected', times(PLAIN, STOCK)),
    atMost(0.6, 'plain replies, to guards by hand', times(PLAIN, BY_HAND)),
    atMost(1.15, 'signed replies, to stock Nest unprotected', times(SIGNED, STOCK)),
  ];
}

const SIZES = {
  rounds: { short: 7, full: 15 },
  messages: { short: 3_840, full: 12_800 },
  seconds: { short: 25, full: Infinity },
};

await comparison(import.meta, SIZES, async options => {
  const inputs = options.input ? [options.input] : Object.keys(INPUTS);
  const tables = {};
  const targets = [];
  for (const input of options.full || options.input ? inputs : ['ui', 'large']) {
    const isMain = input === inputs[0];
    const results = await measureInput(input, isMain ? SHAPES : [MAIN], options, isMain);
    const bytes = Buffer.byteLength(signedText(makeEvent(INPUTS[input].data)));
    for (const [shape, figures] of results)
      tables[`End to end, ${input} event of ${bytes} B, ${nameOf(shape)} in flight`] =
        rowsOf(figures);
    if (isMain) targets.push(...targetsOf(results.get(MAIN)));
  }
  return { tables, targets };
});
