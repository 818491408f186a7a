// Runs clients of one application on a network that cuts, stalls and half-closes connections. Every request must settle in
// time. No event may be handled twice, by the application or by a client. All clients must receive all published events in
// one order. No rejection may stay unhandled. It fails if one of these rules is violated.
// Usage: npm run build && node bench/faulty-network.js [seconds] [seed] [chromium | socket.io]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { JwtService } from '@nestjs/jwt';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { runClients } from './faults/clients.js';
import { FaultyProxy } from './faults/faulty-proxy.js';
import { runInChromium } from './faults/in-chromium.js';
import { loadTypeScript } from './faults/load-typescript.js';
import { JWT_SECRET } from './servers/settings.js';

const SECONDS = Number(process.argv[2] ?? 60);
const SEED = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const WHERE = process.argv[4] ?? 'node';
const TRANSPORT = WHERE === 'socket.io' ? 'socket.io' : 'ws';
const SOCKET_IO = {
  path: '/events',
  transports: ['websocket'],
  autoConnect: false,
  forceNew: true,
};
/** The average time between two faults, in milliseconds. */
const FAULT_PACE = 60;

const unhandled = [];
process.on('unhandledRejection', reason => unhandled.push(String(reason)));

const random = mulberry32(SEED);
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const place = WHERE === 'chromium' ? 'Chromium' : 'Node';
console.log(
  `Node ${process.version}, clients in ${place}, ${TRANSPORT}, ${SECONDS} s, seed ${SEED}`,
);

const app = await startApp();
const proxy = await FaultyProxy.start(app.port, random);
const options = {
  token: app.token,
  type: app.type,
  seconds: SECONDS,
  seed: SEED,
};
const address = `ws://127.0.0.1:${proxy.port}`;
const [clients] = await Promise.all([WHERE === 'chromium' ? inPage() : here(), harm()]);
const { handled, handledTwice } = await app.handled();
proxy.close();
app.stop();
await pause(200);

const problems = [...clients.problems];
if (handledTwice > 0) problems.push(`${handledTwice} requests handled twice by the application`);
unhandled.push(...(clients.unhandled ?? []));
if (unhandled.length > 0) problems.push(`unhandled: ${unhandled.join('; ')}`);

console.table({ faults: proxy.counts });
console.table({ requests: clients.outcomes });
const result = {
  where: place,
  transport: TRANSPORT,
  seconds: SECONDS,
  seed: SEED,
  faults: Object.values(proxy.counts).reduce((all, count) => all + count, 0),
  ...clients,
  handled,
  handledTwice,
  unhandled: unhandled.length,
  problems,
};
console.log(JSON.stringify(result));
process.exit(problems.length > 0 ? 1 : 0);

async function here() {
  const { SemanticEventsClient, overSocketIo } = await loadTypeScript('lib/client/index.ts');
  const overWebSocket = () => ({ url: `${address}/events`, WebSocket });
  // Each client has one socket for all its connections, as in an application.
  const overOneSocket = () => ({ transport: overSocketIo(io(address, SOCKET_IO)) });
  const way = TRANSPORT === 'socket.io' ? overOneSocket : overWebSocket;
  return runClients({ Client: SemanticEventsClient, way, ...options });
}

function inPage() {
  return runInChromium(`http://127.0.0.1:${app.port}`, { url: `${address}/events`, ...options });
}

/**
 * Causes faults until the clients have sent their last request. A browser needs time to start, so faults begin after that.
 */
async function harm() {
  while (proxy.pairs.size === 0) await pause(10);
  for (const end = Date.now() + SECONDS * 1_000; Date.now() < end;) {
    await pause(random() * 2 * FAULT_PACE);
    proxy.harm();
  }
}

/** Starts an application in a process of its own, unless a running one is given. */
async function startApp() {
  if (process.env.FAULTY_NETWORK_APP) {
    const given = JSON.parse(process.env.FAULTY_NETWORK_APP);
    return { ...given, handled: () => ({}), stop: () => undefined };
  }
  const setting = JSON.stringify({ transport: TRANSPORT });
  const server = fork(new URL('./servers/counting.js', import.meta.url), [setting]);
  let isStopped = false;
  // For example after an unhandled rejection.
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

/** Returns a seeded generator (Mulberry32): the same seed gives the same faults in the same order. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
