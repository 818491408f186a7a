import type { IncomingMessage } from 'node:http';

/** The path a handshake asks for, as Nest reads it; undefined where the request target is none. */
export function requestedPath({ url = '', headers }: IncomingMessage): string | undefined {
  const base = `ws://${headers.host}/`;
  return URL.canParse(url, base) ? new URL(url, base).pathname : undefined;
}
