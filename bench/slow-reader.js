// 100 MiB sent to a client that stops reading: what the server keeps of it, how the client ends, and what another
// client notices. Usage: npm run build && node bench/slow-reader.js
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { JwtService } from '@nestjs/jwt';
import { WebSocket } from 'ws';
import { JWT_SECRET } from './servers/settings.js';

const server = fork(new URL('./servers/protected.js', import.meta.url), [], {
  execArgv: ['--expose-gc'],
});
const [{ port }] = await once(server, 'message');
const token = new JwtService({}).sign({ sub: 'alice' }, { secret: JWT_SECRET, expiresIn: 3600 });

async function login() {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'auth', token }));
  await once(socket, 'message');
  return socket;
}

async function memory() {
  server.send('memory');
  for (;;) {
    const [message] = await once(server, 'message');
    if (message.rss) return message;
  }
}

const [slow, other] = [await login(), await login()];
const before = await memory();
const flooded = new Promise(resolve =>
  server.on('message', message => message === 'flooded' && resolve()),
);
// What is kept after a collection hides what it took meanwhile: the peak is sampled from outside.
const residentMiB = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
const residentBefore = residentMiB();
let peak = residentBefore;
const sampler = setInterval(() => (peak = Math.max(peak, residentMiB())), 5);
slow.send(JSON.stringify({ event: 'flood' }));
slow.pause();

let slowest = 0;
let isFlooded = false;
void flooded.then(() => (isFlooded = true));
for (let round = 0; round < 50 || !isFlooded; round++) {
  const start = performance.now();
  other.send(JSON.stringify({ type: 'ping' }));
  await once(other, 'message');
  slowest = Math.max(slowest, performance.now() - start);
}
clearInterval(sampler);
const after = await memory();
const closed = once(slow, 'close');
slow.resume();
const [code, reason] = await closed;
const mebibytes = member => ((after[member] - before[member]) / 2 ** 20).toFixed(2);
console.log(
  JSON.stringify({
    close: code,
    reason: reason.toString(),
    'peak rss growth MiB': (peak - residentBefore).toFixed(1),
    'heap growth MiB': mebibytes('heapUsed'),
    'external growth MiB': mebibytes('external'),
    'rss growth MiB': mebibytes('rss'),
    "other client's slowest round trip ms": slowest.toFixed(2),
  }),
);
other.terminate();
server.kill();
