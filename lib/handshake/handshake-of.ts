import type { IncomingMessage } from 'node:http';
import type { Handshake } from '../options/index.js';

/** Returns the facts of a request, without the headers of the upgrade. */
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
