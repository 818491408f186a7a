// Measures the memory of many idle authenticated connections, compared with a bare ws server, and checks that they still
// answer.
// Usage: npm run build && node bench/idle-connections.js [--full] [--connections n]
import { once } from 'node:events';
import { comparison } from './measuring/comparison.js';
import { logIn, open } from './measuring/dialects.js';
import { atMost } from './measuring/report.js';
import { ServerProcess } from './measuring/server-process.js';

/** The number of connections that are opened or checked at once. */
const BATCH = 200;

async function measure(name, connect, connections) {
  const server = await ServerProcess.start(name, {}, { execArgv: ['--expose-gc'] });
  const before = await server.ask('memory');
  const sockets = await inBatches(Array(connections).fill(server.port), connect);
  let dropped = 0;
  for (const socket of sockets) socket.on('close', () => dropped++);
  const after = await server.ask('memory');
  const answers = await inBatches(sockets, ping);
  const kibibytesOf = member => (after[member] - before[member]) / connections / 1024;
  const result = {
    server: name,
    connections,
    answering: answers.length,
    dropped,
    'heap KiB each': kibibytesOf('heapUsed'),
    'rss KiB each': kibibytesOf('rss'),
  };
  for (const socket of sockets) socket.terminate();
  await server.stop();
  return result;
}

async function inBatches(items, run) {
  const results = [];
  for (let from = 0; from < items.length; from += BATCH)
    results.push(...(await Promise.all(items.slice(from, from + BATCH).map(run))));
  return results;
}

async function ping(socket) {
  const answer = once(socket, 'message');
  socket.send(JSON.stringify({ type: 'ping' }));
  await answer;
}

const SIZES = { connections: { short: 10_000, full: 10_000 } };

await comparison(import.meta, SIZES, async ({ connections }) => {
  // An authenticated connection has received one answer, and ws keeps more memory after that. Do the same here.
  const answered = async port => {
    const socket = await open(`ws://127.0.0.1:${port}/events`);
    await ping(socket);
    return socket;
  };
  const bare = await measure('echo-ws', answered, connections);
  const authenticated = async port => (await logIn(port)).socket;
  const ours = await measure('protected', authenticated, connections);
  const more = ours['heap KiB each'] - bare['heap KiB each'];
  return {
    tables: { 'Idle connections': [bare, ours] },
    targets: [atMost(2, 'heap of an idle connection, over bare ws', more, 'KiB')],
  };
});
