// 10,000 idle authenticated connections to the quickstart, and what each costs in memory beside a bare ws server. On
// either side each has been answered once, which an authenticated one must be: ws itself keeps more from then on.
// Usage: npm run build && node bench/idle-connections.js [count]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { JwtService } from '@nestjs/jwt';
import { WebSocket } from 'ws';
import { JWT_SECRET } from './servers/settings.js';

const COUNT = Number(process.argv[2] ?? 10_000);
const BATCH = 200;

async function start(name) {
  const server = fork(new URL(`./servers/${name}.js`, import.meta.url), [String(COUNT)], {
    execArgv: ['--expose-gc'],
  });
  const [{ port }] = await once(server, 'message');
  return { server, port };
}

async function memoryOf(server) {
  server.send('memory');
  const [memory] = await once(server, 'message');
  return memory;
}

async function connect(url, token) {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  if (token) {
    socket.send(JSON.stringify({ type: 'auth', token }));
    const [answer] = await once(socket, 'message');
    if (JSON.parse(answer).type !== 'auth_success') throw new Error(`not authenticated: ${answer}`);
  } else {
    socket.send(JSON.stringify({ type: 'ping' }));
    await once(socket, 'message');
  }
  return socket;
}

async function measure(name, token) {
  const { server, port } = await start(name);
  const before = await memoryOf(server);
  const sockets = [];
  let dropped = 0;
  while (sockets.length < COUNT) {
    const batch = Array.from({ length: Math.min(BATCH, COUNT - sockets.length) }, () =>
      connect(`ws://127.0.0.1:${port}/events`, token),
    );
    sockets.push(...(await Promise.all(batch)));
  }
  for (const socket of sockets) socket.on('close', () => dropped++);
  const after = await memoryOf(server);
  let answers = 0;
  for (let from = 0; from < COUNT; from += BATCH)
    await Promise.all(
      sockets.slice(from, from + BATCH).map(async socket => {
        const answer = once(socket, 'message');
        socket.send(JSON.stringify({ type: 'ping' }));
        await answer;
        answers++;
      }),
    );
  const perConnection = member => (after[member] - before[member]) / COUNT / 1024;
  const result = {
    server: name,
    connections: COUNT,
    answering: answers,
    dropped,
    'heap KiB each': perConnection('heapUsed').toFixed(2),
    'rss KiB each': perConnection('rss').toFixed(2),
  };
  for (const socket of sockets) socket.terminate();
  server.kill();
  await once(server, 'exit');
  return result;
}

const token = new JwtService({}).sign({ sub: 'alice' }, { secret: JWT_SECRET, expiresIn: 3600 });
const results = [await measure('bare-ws'), await measure('protected', token)];
console.table(results);
console.log(JSON.stringify(results));
