// A client that makes the server use as much memory as one connection can. It runs in its own
// process, so that its own memory does not count.
// Arguments: a port, and a token for each connection. It prints "ready" when everything is sent, and waits to be ended.
import { once } from 'node:events';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

const [port, ...tokens] = process.argv.slice(2);
const TEXT = 1;
const CONTINUED = 0x01;

/** Creates one masked frame. @param first with or without FIN */
function frame(text, first = 0x80 | TEXT) {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(14);
  head.writeUInt8(first);
  head.writeUInt8(0x80 | 127, 1);
  head.writeUInt32BE(payload.length, 6);
  const mask = randomBytes(4);
  mask.copy(head, 10);
  return Buffer.concat([head, payload.map((byte, at) => byte ^ mask[at % 4])]);
}

/** JSON that takes about twenty times its size after parsing. */
const objects = size => `[${'{},'.repeat(size / 3)}0]`;
const call = data => `{"event":"held.wait","data":${data}}`;

async function open(token) {
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nCookie: ${'c'.repeat(15_000)}\r\n\r\n`,
  );
  await once(socket, 'data');
  socket.write(frame(JSON.stringify({ type: 'auth', token })));
  await once(socket, 'data');
  // From here on it reads nothing.
  socket.pause();
  // Subscriptions whose authorization never ends.
  const patterns = Array.from({ length: 8 }, (_, n) => `a.${String(n).repeat(200)}`);
  for (let n = 0; n < 16; n++) socket.write(frame(JSON.stringify({ type: 'subscribe', patterns })));
  // Handlers that do not finish, with data that is large after parsing.
  for (let n = 0; n < 63; n++) socket.write(frame(call(objects(990))));
  // The most expensive frame, and more frames queued behind it.
  socket.write(frame(call(objects(65_400))));
  for (let n = 0; n < 15; n++) socket.write(frame(call(JSON.stringify('y'.repeat(4_000)))));
  // A message that never ends.
  socket.write(frame('z'.repeat(60_000), CONTINUED));
  return socket;
}

const sockets = await Promise.all(tokens.map(open));
console.log('ready');
process.stdin.resume().on('end', () => {
  for (const socket of sockets) socket.destroy();
  process.exit();
});
