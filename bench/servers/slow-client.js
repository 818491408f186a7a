// A worker that has a server send it 100 MiB, or echo them, and reads them or not.
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import canonicalize from 'canonicalize';
import { WebSocket } from 'ws';
import { FLOOD_BYTES } from './settings.js';

const ECHO_BYTES = 60_000;
/** What a client that reads waits for at once. */
const IN_FLIGHT = 8;
/** After which a server that takes no more has had its chance, in milliseconds. */
const PATIENCE = 1_000;

const { port, token, way, isReading } = workerData;
const socket = new WebSocket(`ws://127.0.0.1:${port}/events`);
socket.on('error', () => undefined);
await once(socket, 'open');
const signing = token && (await authenticate());
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

async function authenticate() {
  socket.send(JSON.stringify({ type: 'auth', token }));
  const [answer] = await once(socket, 'message');
  return JSON.parse(answer).signing;
}

/** A signed event; to a server that knows nothing of them, only text as long. */
function frame() {
  const event = {
    specversion: '1.0',
    type: 'demo.echo',
    source: 'bench',
    id: randomUUID(),
    time: new Date().toISOString(),
    semanticnonce: randomUUID(),
    data: 'x'.repeat(ECHO_BYTES),
  };
  if (!signing) return JSON.stringify({ type: 'event', event });
  const mac = createHmac('sha256', Buffer.from(signing.key, 'base64url'));
  mac.update(`v1.c2s.${canonicalize(event)}`);
  const semanticsignature = `v1.${signing.key_id}.${mac.digest('base64url')}`;
  return JSON.stringify({ type: 'event', event: { ...event, semanticsignature } });
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
