import { jest } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { WebSocketServer } from 'ws';
import { HttpServerGuard } from '../../../lib/handshake/index.js';
import type { HandshakeRefusal } from '../../../lib/handshake/handshake-policy.js';
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

/** A TCP connection that no network carries. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress = '192.0.2.1';
  destroyed = false;
  bytesWritten = 0;
  sent = '';

  constructor(readonly remotePort: number) {
    super();
  }

  end(text: string): void {
    this.sent = text;
    this.emit('finish');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('HttpServerGuard', () => {
  const TIMEOUT = 5_000;
  let now: number;
  let port = 1;
  let server: EventEmitter;
  let guard: HttpServerGuard;
  let refusal: HandshakeRefusal | undefined;
  let refused: string[];
  /** The upgrades that the gateway received, and what it does with the WebSocket of one. */
  let handed: unknown[];
  let open: (webSocket: object) => void;
  let gateway: EventEmitter & { handleUpgrade: (...given: unknown[]) => void };

  const connected = () => {
    const socket = new FakeSocket(port++);
    server.emit('connection', socket);
    return socket;
  };
  const requestOn = (socket: FakeSocket, complete = true, url = '/events') =>
    ({ url, headers: {}, socket, complete }) as unknown as IncomingMessage;
  const upgrade = async (url: string, socket = connected()) => {
    server.emit('upgrade', requestOn(socket, true, url), socket, Buffer.of(7));
    await jest.advanceTimersByTimeAsync(0);
    return socket;
  };
  const pass = async (time: number) => {
    now += time;
    await jest.advanceTimersByTimeAsync(1_000);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    [now, server, refusal, refused, handed] = [0, new EventEmitter(), undefined, [], []];
    open = () => undefined;
    gateway = Object.assign(new EventEmitter(), {
      handleUpgrade: (...given: unknown[]) => {
        handed.push(given.slice(1, 3));
        open = given[3] as typeof open;
      },
    });
    guard = new HttpServerGuard(
      TIMEOUT,
      () => now,
      { attempt: () => Promise.resolve(refusal) },
      ({ url }, { code }) => refused.push(`${code} ${url}`),
    );
    guard.watch(server as Server, path => {
      if (path === '/events') return gateway as unknown as WebSocketServer;
      return path === '/engine' ? 'elsewhere' : undefined;
    });
  });
  afterEach(() => {
    guard.shutDown(0);
    jest.useRealTimers();
  });

  it('drops a connection without a request at handshakeTimeout, and not before', async () => {
    const socket = connected();
    await pass(TIMEOUT - 1);
    expect(socket.destroyed).toBe(false);
    await pass(1);
    expect(socket.destroyed).toBe(true);
  });

  it('does not drop a connection while a request runs on it, or after its answer', async () => {
    const socket = connected();
    const response = new EventEmitter();
    server.emit('request', requestOn(socket), response);
    await pass(2 * TIMEOUT);
    response.emit('close');
    await pass(2 * TIMEOUT);
    expect(socket.destroyed).toBe(false);
    guard.shutDown(0);
    expect(socket.destroyed).toBe(true);
  });

  it('follows requests and upgrades that another listener has received', async () => {
    const [socket, upgraded] = [connected(), connected()];
    const response = new EventEmitter();
    guard.requestReceived(requestOn(socket), response as ServerResponse);
    guard.requestReceived(requestOn(upgraded), undefined);
    await pass(2 * TIMEOUT);
    expect([socket.destroyed, upgraded.destroyed]).toEqual([false, false]);
    response.emit('close');
    guard.shutDown(0);
    expect([socket.destroyed, upgraded.destroyed]).toEqual([true, false]);
  });

  it('hands an upgrade to the gateway of its path, and sets no deadline of its own from then on', async () => {
    const socket = await upgrade('/events');
    expect(handed).toEqual([[socket, Buffer.of(7)]]);
    await pass(2 * TIMEOUT);
    expect([socket.destroyed, socket.sent, refused]).toEqual([false, '', []]);
  });

  it('survives errors of the socket until ws has a listener', async () => {
    const socket = await upgrade('/events');
    expect(() => socket.emit('error', new Error('reset'))).not.toThrow();
    const connections: unknown[] = [];
    gateway.on('connection', (...given) => connections.push(given));
    const webSocket = { terminate: () => undefined };
    open(webSocket);
    expect(connections).toEqual([[webSocket, expect.objectContaining({ url: '/events' })]]);
    expect(socket.listenerCount('error')).toBe(0);
  });

  it('terminates a WebSocket whose gateway throws', async () => {
    captureLog();
    await upgrade('/events');
    gateway.on('connection', () => {
      throw new Error('from a gateway');
    });
    let isTerminated = false;
    open({ terminate: () => (isTerminated = true) });
    expect(isTerminated).toBe(true);
  });

  it('leaves the path of another listener to that one, without a deadline', async () => {
    const socket = await upgrade('/engine');
    await pass(2 * TIMEOUT);
    expect([handed, socket.destroyed, socket.sent]).toEqual([[], false, '']);
  });

  it('answers an unknown path, and reports it with the code of its answer', async () => {
    expect((await upgrade('/unknown')).sent).toMatch(/^HTTP\/1.1 404 .*UNKNOWN_PATH/s);
    refusal = { code: 'TOO_MANY_CONNECTIONS', retryAfter: 1_000 };
    expect((await upgrade('/unknown')).sent).toMatch(/TOO_MANY_CONNECTIONS/);
    expect(refused).toEqual(['UNKNOWN_PATH /unknown', 'TOO_MANY_CONNECTIONS /unknown']);
  });

  describe('beside another listener for upgrades', () => {
    beforeEach(() => server.on('upgrade', () => undefined));

    it('does not answer an unknown path, but ends it at the deadline', async () => {
      const socket = await upgrade('/unknown');
      expect([socket.sent, socket.destroyed, refused]).toEqual(['', false, []]);
      await pass(TIMEOUT);
      expect(socket.destroyed).toBe(true);
    });

    it('ends an attempt over the limit, unless the other listener has answered', async () => {
      refusal = { code: 'TOO_MANY_CONNECTIONS', retryAfter: 1_000 };
      expect(await upgrade('/unknown')).toMatchObject({ destroyed: true, sent: '' });
      const answered = connected();
      answered.bytesWritten = 1;
      expect(await upgrade('/unknown', answered)).toMatchObject({ destroyed: false, sent: '' });
    });
  });

  it('at shutdown ends silent connections at once, those that still send after grace, and no others', async () => {
    const [silent, sending, served] = [connected(), connected(), connected()];
    server.emit('request', requestOn(sending, false), new EventEmitter());
    server.emit('request', requestOn(served), new EventEmitter());
    guard.shutDown(100);
    const late = connected();
    const states = () => [silent, sending, served, late].map(({ destroyed }) => destroyed);
    expect(states()).toEqual([true, false, false, false]);
    await jest.advanceTimersByTimeAsync(100);
    expect(states()).toEqual([true, true, false, true]);
  });

  it('leaves neither a timer nor a listener for upgrades behind', async () => {
    expect(jest.getTimerCount()).toBe(1);
    guard.watch(new EventEmitter() as Server, () => undefined);
    expect(jest.getTimerCount()).toBe(1);
    guard.shutDown(0);
    await jest.advanceTimersByTimeAsync(0);
    expect(jest.getTimerCount()).toBe(0);
    expect(server.listenerCount('upgrade')).toBe(0);
  });
});
