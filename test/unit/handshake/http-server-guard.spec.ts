import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { HttpServerGuard } from '../../../lib/handshake/index.js';
import { pause } from '../../helpers/eventually.js';
import { captureLog } from '../../helpers/log-capture.js';

const POLICY = { attempt: async () => undefined };
const open = new Set<{ destroy(): unknown }>();

async function start(server: Server): Promise<() => Promise<Socket>> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.add({ destroy: () => server.close() });
  const { port } = server.address() as AddressInfo;
  return async () => {
    const socket = connect(port, '127.0.0.1');
    open.add(socket);
    socket.on('error', () => undefined).on('data', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
}

const UPGRADE =
  'GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

afterEach(() => {
  for (const one of open) one.destroy();
  open.clear();
});

describe('HttpServerGuard at shutdown', () => {
  it('does not interrupt a request in progress, and closes clients that only send', async () => {
    const server = createServer();
    const guard = new HttpServerGuard(1_000, () => 0, POLICY);
    guard.watch(server, () => undefined);
    const dial = await start(server);
    const [handled, sending, silent] = [await dial(), await dial(), await dial()];
    const handling = once(server, 'request') as Promise<[unknown, ServerResponse]>;
    handled.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [, response] = await handling;
    const receiving = once(server, 'request');
    sending.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
    await receiving;
    guard.shutDown(20);
    await Promise.all([once(silent, 'close'), once(sending, 'close')]);
    expect(handled.destroyed).toBe(false);
    const answered = once(handled, 'data') as Promise<[Buffer]>;
    response.end('done');
    expect(String(await answered)).toContain('done');
  });
});

describe('a connection that is not a WebSocket', () => {
  it('closes at an absolute deadline if its path is unknown, whatever else it sends', async () => {
    let now = 0;
    const server = createServer();
    const guard = new HttpServerGuard(1_000, () => now, POLICY);
    guard.watch(server, () => undefined);
    // Another library may want other paths.
    server.on('upgrade', () => undefined);
    const socket = await (await start(server))();
    socket.write(UPGRADE);
    const closed = once(socket, 'close');
    await pause(50);
    socket.write('x');
    now = 1_001;
    await closed;
    guard.shutDown(0);
  });

  it('stays open if another listener has answered its upgrade', async () => {
    let now = 0;
    const server = createServer();
    const guard = new HttpServerGuard(1_000, () => now, POLICY);
    guard.watch(server, () => undefined);
    server.on('upgrade', (_, socket: Socket) => {
      open.add(socket);
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    const socket = await (await start(server))();
    socket.write(UPGRADE);
    await once(socket, 'data');
    now = 60_000;
    await pause(1_200);
    expect(socket.destroyed).toBe(false);
    guard.shutDown(0);
  });

  it('counts as an attempt if its path is unknown', async () => {
    const server = createServer();
    const guard = new HttpServerGuard(1_000, () => 0, {
      attempt: async () => ({ code: 'TOO_MANY_CONNECTIONS', retryAfter: 1_000 }),
    });
    guard.watch(server, () => undefined);
    const socket = await (await start(server))();
    socket.write(UPGRADE);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toContain('TOO_MANY_CONNECTIONS');
    guard.shutDown(0);
  });

  it('is answered if its path is unknown and only engines listen besides', async () => {
    const server = createServer();
    const guard = new HttpServerGuard(1_000, () => 0, POLICY);
    guard.watch(
      server,
      () => undefined,
      () => 1,
    );
    server.on('upgrade', () => undefined);
    const socket = await (await start(server))();
    socket.write(UPGRADE);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toContain('404 Not Found');
    guard.shutDown(0);
  });

  it('closes without other effects if its gateway throws', () => {
    captureLog();
    const server = createServer();
    const guard = new HttpServerGuard(1_000, () => 0, POLICY);
    guard.watch(server, () => {
      throw new Error('from a gateway');
    });
    let isDestroyed = false;
    const socket = { on: () => socket, destroy: () => (isDestroyed = true) } as unknown as Socket;
    server.emit('upgrade', { url: '/events', headers: {} }, socket, Buffer.alloc(0));
    expect(isDestroyed).toBe(true);
    guard.shutDown(0);
  });
});
