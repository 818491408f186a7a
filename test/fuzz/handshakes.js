// Sends hostile handshakes to warmed-up servers, because code optimized by V8 may behave
// differently. Each adapter runs in its own process. If it ends or has an uncaught error, this
// program exits with 1.
// Usage: npm run fuzz -- handshakes [seconds, 20] [seed]; FUZZ_NODE names another Node for the servers.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { randomOf } from './mutate.js';

const AT_ONCE = 64;
/** The number of harmless handshakes that warm up a server. */
const WARMING = 3_000;
/** In milliseconds. */
const PATIENCE = 300;

const PATHS = ['/events', '/nothing-here', '/events/?EIO=4&transport=websocket', '/'];
/** Each character is one byte. */
const HOSTS = [
  'localhost',
  '',
  '\xc3\x92',
  '[::1',
  'a b',
  '%00',
  'a:99999',
  'user@host',
  'x'.repeat(4_000),
];
const TARGETS = [
  '//\xc3\x92/x',
  'http://[',
  '*',
  '/%',
  '/%ff',
  '/\xff',
  '///',
  '/events/../..',
  '/events?\xc3\x92',
  '/\\events',
  'http://\xc3\x92/events',
  '/events#',
  `/${'a/'.repeat(2_000)}`,
  '/socket.io/?EIO=3',
  '/socket.io/?sid=__proto__&EIO=4',
];
const HEADERS = [
  'Origin: \xc3\x92',
  'Origin: null',
  'Origin: http://[',
  'X-Forwarded-For: \xff, ,::',
  'X-Forwarded-Proto: ,,',
  'Sec-WebSocket-Protocol: ,',
  'Sec-WebSocket-Protocol: constructor',
  'Sec-WebSocket-Version: 99',
  'Sec-WebSocket-Key: ?',
  'Sec-WebSocket-Extensions: permessage-deflate; ;',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Upgrade: h2c',
  'Connection: close',
  'Cookie: \xff=\xff',
  'Expect: 100-continue',
  'Host: second',
];

export async function fuzzHandshakes(seconds = 20, seed = Date.now() % 2 ** 32) {
  const random = randomOf(seed);
  for (const adapter of ['ws', 'io']) {
    const server = await start(adapter);
    const answers = new Map();
    const send = async handshake => {
      const answer = await exchange(server.port, handshake);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    };
    const together = async make => {
      await Promise.all(Array.from({ length: AT_ONCE }, () => send(make())));
      if (server.problem) throw new Error(`${adapter}, seed ${seed}: ${server.problem}`);
    };
    for (let sent = 0; sent < WARMING; sent += AT_ONCE) await together(() => plain(random));
    const until = performance.now() + (seconds * 1000) / 2;
    while (performance.now() < until)
      await together(() => (random(2) ? plain(random) : hostile(random)));
    const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
    console.log(`${adapter}: ${total} handshakes, seed ${seed}`);
    for (const [answer, count] of [...answers].sort((a, b) => b[1] - a[1]))
      console.log(`  ${count} ${answer}`);
    const path = adapter === 'ws' ? PATHS[0] : PATHS[2];
    const last = await exchange(server.port, handshake(path, 'localhost', []), 10 * PATIENCE);
    if (!last.includes(' 101 ')) throw new Error(`${adapter}, seed ${seed}: answers ${last}`);
    await server.stop();
  }
}

async function start(adapter) {
  const file = new URL('handshake-server.js', import.meta.url);
  const child = fork(file, [adapter], { execPath: process.env.FUZZ_NODE ?? process.execPath });
  const server = {
    port: 0,
    problem: undefined,
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
  child.on('exit', (code, signal) => {
    server.problem ??= `the process has ended (${signal ?? code})`;
  });
  child.on('message', ({ violation }) => {
    server.problem ??= violation;
  });
  [{ port: server.port }] = await once(child, 'message');
  return server;
}

function plain(random) {
  return handshake(PATHS[random(PATHS.length)], 'localhost', []);
}

function hostile(random) {
  const one = list => list[random(list.length)];
  const target = random(2) ? one(TARGETS) : one(PATHS);
  const host = random(2) ? one(HOSTS) : 'localhost';
  const headers = Array.from({ length: random(4) }, () => one(HEADERS));
  const text = handshake(random(4) ? target : flipped(target, random), host, headers);
  // Truncated, or followed by bytes that belong to no request.
  if (random(8) === 0) return text.slice(0, random(text.length));
  return random(8) === 0 ? text + String.fromCharCode(random(256), random(256)) : text;
}

function flipped(text, random) {
  const at = random(text.length);
  return text.slice(0, at) + String.fromCharCode(33 + random(223)) + text.slice(at + 1);
}

function handshake(target, host, headers) {
  return [
    `GET ${target} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** Returns the first line of the answer. */
function exchange(port, text, patience = PATIENCE) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    let answer = 'no answer';
    const timer = setTimeout(() => socket.destroy(), patience);
    socket.on('error', () => undefined);
    socket.on('data', bytes => {
      answer = bytes.toString('latin1').split('\r\n', 1)[0];
      socket.destroy();
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(Buffer.from(text, 'latin1'));
  });
}
