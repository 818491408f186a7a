// A worker that lets a server send or echo 100 MiB, and reads them or does not.
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { FLOOD_BYTES } from '../servers/flood.js';
import { logIn, NATIVE, open } from './dialects.js';
import { makeEvent } from './events.js';

const ECHO_BYTES = 60_000;
/** The number of requests in flight of a client that reads. */
const IN_FLIGHT = 8;
/** The time after which a server that accepts no more data is not written to, in milliseconds. */
const PATIENCE = 1_000;

const { port, token, way, isReading } = workerData;
const client = token
  ? await logIn(port, token)
  : { socket: await open(`ws://127.0.0.1:${port}/events`) };
const { socket } = client;
socket.on('error', () => undefined);
const frames =
  way === 'sent'
    ? [`{"event":"flood${isReading ? '.patient' : ''}"}`]
    : Array.from({ length: Math.ceil(FLOOD_BYTES / ECHO_BYTES) }, frame);
parentPort.postMessage('ready');
await once(parentPort, 'message');

let received = 0;
socket.on('message', data => {
  received += data.length;
  if (isReading && frames.length > 0) socket.send(frames.pop());
});
const closed = once(socket, 'close').then(([code]) => code);
if (!isReading) socket.pause();
for (const text of frames.splice(0, isReading ? IN_FLIGHT : Infinity)) socket.send(text);
if (isReading) await untilReceived();
else await untilNothingMoves();
const resumedAt = performance.now();
socket.resume();
const code = await Promise.race([closed, wait(isReading ? 0 : 15_000, 'open')]);
socket.terminate();
parentPort.postMessage({ code, received, closedAfter: Math.round(performance.now() - resumedAt) });

/** Returns a signed event; for a server without events, a text of the same length. */
function frame() {
  const event = makeEvent('x'.repeat(ECHO_BYTES));
  return client.key ? NATIVE.frame(event, client) : JSON.stringify({ type: 'event', event });
}

async function untilReceived() {
  while (received < FLOOD_BYTES && socket.readyState === socket.OPEN) await wait(5);
}

async function untilNothingMoves() {
  for (let last = NaN, since = 0; since < PATIENCE; since += 50) {
    await wait(50);
    if (socket.bufferedAmount !== last) since = 0;
    last = socket.bufferedAmount;
  }
}
