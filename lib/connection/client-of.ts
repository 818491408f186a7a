import type { Handshake } from '../options/index.js';
import { Client } from './client.js';

const CLIENT = Symbol('client');

type BoundSocket = object & { [CLIENT]?: Client };

/** Ties a client to its socket, at the handshake. */
export function bindClient(socket: object, client: Client): void {
  (socket as BoundSocket)[CLIENT] = client;
}

/** The client behind a socket. On a stock adapter, which tells no handshake, one is made at first sight. */
export function clientOf(socket: object): Client {
  return ((socket as BoundSocket)[CLIENT] ??= new Client(handshakeOf(socket), Date.now()));
}

/** What can be learned from the socket itself: one of Socket.IO knows its handshake, one of ws its TCP peer. */
function handshakeOf(socket: object): Handshake {
  const { handshake, _socket } = socket as {
    handshake?: Handshake;
    _socket?: { remoteAddress?: string };
  };
  return handshake ?? { address: _socket?.remoteAddress ?? 'unknown', url: '', headers: {} };
}
