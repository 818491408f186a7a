import type { Handshake } from '../options/index.js';
import { Client } from './client.js';
import { OWNER } from './connection-of.js';

/** The clients of sockets whose owner does not know its client. */
const clients = new WeakMap<object, Client>();

/**
 * Binds a client to its socket, at the handshake. The socket gets an `ip`, like an HTTP request. Without it guards such as
 * ThrottlerGuard would count all clients as one.
 */
export function bindClient(socket: object, client: Client): void {
  // An entry costs memory for each socket.
  if (knownClientOf(socket) !== client) clients.set(socket, client);
  if (!('ip' in socket))
    Reflect.defineProperty(socket, 'ip', { value: client.address, configurable: true });
}

/** Returns the client of a socket. On a stock adapter, which reports no handshake, the first call creates the client. */
export function clientOf(socket: object): Client {
  let client = knownClientOf(socket);
  if (!client) {
    client = new Client(handshakeOf(socket), Date.now());
    clients.set(socket, client);
  }
  return client;
}

function knownClientOf(socket: object): Client | undefined {
  const owner = (socket as { [OWNER]?: { readonly client?: Client } })[OWNER];
  return owner?.client ?? clients.get(socket);
}

/** Returns the facts of the socket itself: Socket.IO knows the handshake, ws the TCP address. */
function handshakeOf(socket: object): Handshake {
  const { handshake, _socket } = socket as {
    handshake?: Handshake;
    _socket?: { remoteAddress?: string };
  };
  return handshake ?? { address: _socket?.remoteAddress ?? 'unknown', url: '', headers: {} };
}
