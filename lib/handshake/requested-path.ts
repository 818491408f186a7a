import type { IncomingMessage } from 'node:http';

/**
 * Returns the path of a handshake, exactly as it was sent; undefined if the target is not a path. It decodes and resolves
 * nothing, because a proxy that decides by the path must see the same path as the server.
 */
export function requestedPath({ url = '' }: Pick<IncomingMessage, 'url'>): string | undefined {
  const [path = ''] = url.split('?', 1);
  return path.startsWith('/') ? path : undefined;
}
