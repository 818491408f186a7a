import type { IncomingMessage } from 'node:http';
import type { Handshake } from '../options/index.js';

/** What there is to know of a request, without the headers that only say how a connection becomes a WebSocket. */
export function handshakeOf({ headers, url = '' }: IncomingMessage, address: string): Handshake {
  const {
    connection: _connection,
    upgrade: _upgrade,
    'sec-websocket-key': _key,
    'sec-websocket-version': _version,
    'sec-websocket-extensions': _extensions,
    ...rest
  } = headers;
  return { address, origin: headers.origin, url, headers: rest };
}
