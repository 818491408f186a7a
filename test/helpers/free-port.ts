import { once } from 'node:events';
import { createServer } from 'node:net';

/** Ports below the range that systems assign automatically. */
const [FIRST, COUNT] = [11_000, 20_000];

/**
 * Returns a free port, for programs that cannot choose one. A port that the system assigns could be given to another suite
 * before it is used, or while its server restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => {
        resolve(false);
      });
      server.listen(port, '127.0.0.1', () => {
        resolve(true);
      });
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
