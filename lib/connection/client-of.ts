import type { Handshake } from '../options/index.js';
import { Client } from './client.js';

const clients = new WeakMap<object, Client>();

/** Ties a client to its socket, at the handshake. */
export function bindClient(socket: object, client: Client): void {
  clients.set(socket, client);
}

/** The client behind a socket. On a stock adapter, which tells no handshake, one is made at first sight. */
export function clientOf(socket: object): Client {
  let client = clients.get(socket);
  if (!client) {
    client = new Client(handshakeOf(socket), Date.now());
    clients.set(socket, client);
  }
  return client;
}

/** What can be learned from the socket itself: one of Socket.IO knows its handshake, one of ws its TCP peer. */
function handshakeOf(socket: object): Handshake {
  const { handshake, _socket } = socket as {
    handshake?: Handshake;
    _socket?: { remoteAddress?: string };
  };
  return handshake ?? { address: _socket?.remoteAddress ?? 'unknown', url: '', headers: {} };
}
