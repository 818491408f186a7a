import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems hand out by themselves. */
const [FIRST, COUNT] = [11_000, 20_000];

/**
 * A port nobody listens on, for whoever cannot be told to find one. One that the system chose may be given to the next
 * socket of another suite before it is used, or while a server that is to come back on it is away.
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
