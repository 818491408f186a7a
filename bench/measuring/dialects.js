// The dialects of the servers: how a client logs in, the form of an event, and the form of a good answer.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { JwtService } from '@nestjs/jwt';
import canonicalize from 'canonicalize';
import { WebSocket } from 'ws';
import { HAND_SECRET, JWT_SECRET, RING_KEY } from '../servers/settings.js';
import { sealed, signed } from './events.js';

const jwt = new JwtService({ secret: JWT_SECRET });

export function tokenFor(user = 'alice') {
  return jwt.sign({ sub: user }, { expiresIn: 3600 });
}

export async function open(url) {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  return socket;
}

/** Logs in. @returns the socket and the key of its session */
export async function logIn(port, token = tokenFor()) {
  const socket = await open(`ws://127.0.0.1:${port}/events`);
  socket.send(JSON.stringify({ type: 'auth', token }));
  const answer = JSON.parse((await once(socket, 'message'))[0]);
  if (answer.type !== 'auth_success') throw new Error(`not authenticated: ${answer.code}`);
  const { key_id, key, broadcast } = answer.signing;
  return { socket, key: { key_id, key: Buffer.from(key, 'base64url'), broadcast } };
}

/** Removes the nonce, which these servers do not check. */
function bare({ semanticnonce: _, ...event }) {
  return event;
}

function signedByHand(event) {
  const signature = createHmac('sha256', HAND_SECRET).update(canonicalize(event)).digest('hex');
  return { ...event, signature };
}

export async function openSocketIo(port, user) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
  // First Engine.IO's open packet, then the answer to Socket.IO's connect packet.
  await once(socket, 'message');
  socket.send(`40${JSON.stringify({ token: tokenFor(user) })}`);
  await once(socket, 'message');
  socket.on('message', message => {
    if (message.toString() === '2') socket.send('3');
  });
  return { socket };
}

/** Nest's own frames without protection. */
export const UNPROTECTED = {
  connect: async port => ({ socket: await open(`ws://127.0.0.1:${port}/events`) }),
  frame: event => JSON.stringify({ event: event.type, data: bare(event) }),
};

/** Nest's own frames, signed by hand. */
export const HAND_WRITTEN = {
  connect: async (port, user) => ({
    socket: await open(`ws://127.0.0.1:${port}/events?token=${tokenFor(user)}`),
  }),
  frame: event => JSON.stringify({ event: event.type, data: signedByHand(event) }),
};

export const SOCKET_IO = {
  connect: openSocketIo,
  frame: event => `42${JSON.stringify([event.type, signedByHand(event)])}`,
};

/** Frames of this library's protocol, as its own client sends them. */
export const NATIVE = {
  connect: (port, user) => logIn(port, tokenFor(user)),
  frame: (event, { key }) => `{"type":"event","event":${sealed(event, key)}}`,
};

/** The same, with unsorted members, as a hand-written client may send them. */
export const NATIVE_IN_ANY_ORDER = {
  connect: NATIVE.connect,
  frame: (event, { key }) => JSON.stringify({ type: 'event', event: signed(event, key) }),
};

/** Canonical JSON in Nest's own frames. */
export const NATIVE_IN_NEST = {
  connect: NATIVE.connect,
  frame: (event, { key }) => `{"event":"${event.type}","data":${sealed(event, key)}}`,
};

/** A key that every node of the benchmarks knows, in the form that `signed` accepts. */
export const SHARED_KEY = { key_id: RING_KEY.id, key: RING_KEY.secret };
