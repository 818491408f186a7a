import { jest } from '@jest/globals';
import { SemanticEventsClient } from '../../lib/client/index.js';
import { ClientBench, failureOf, settled } from '../helpers/client-bench.js';
import { eventually } from '../helpers/eventually.js';

describe('disconnect', () => {
  it('closes the connection, and connect() opens a new one, any number of times', async () => {
    const bench = new ClientBench();
    for (let nth = 1; nth <= 3; nth++) {
      const socket = await bench.connected(nth);
      bench.client.disconnect();
      bench.client.disconnect();

      expect(socket.closedWith).toBe(1000);
      expect(bench.client.state).toBe('idle');
      expect(bench.client.session).toBeUndefined();
      expect(bench.clock.pending).toBe(0);
    }
    expect(bench.errors).toEqual([]);
  });

  it('supports the double mount of a component', async () => {
    const bench = new ClientBench();
    const received: unknown[] = [];
    const mount = () => {
      const stop = bench.client.subscribe('a', ({ data }) => received.push(data));
      bench.client.connect().catch(() => undefined);
      return () => {
        stop();
        bench.client.disconnect();
      };
    };
    mount()();
    const unmount = mount();
    await eventually(() => bench.sockets.length === 1);
    const socket = await bench.connected();
    socket.receive({ type: 'subscribed', cursor: '0', id: (await socket.frame('subscribe')).id });
    socket.deliver('1', { type: 'a', data: 1 });
    await settled();

    expect(received).toEqual([1]);
    unmount();
    expect(bench.client.state).toBe('idle');
  });

  it('rejects what is pending with CLOSED, and queues later calls for the next connection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const sent = bench.client.request('sent');
    await socket.event();
    bench.client.disconnect();
    expect(await failureOf(sent)).toMatchObject({ code: 'CLOSED', eventType: 'sent' });

    const queued = bench.client.request('queued');
    const next = await bench.connected(2);
    next.reply(await next.event());
    expect(await queued).toMatchObject({ type: 'queued.reply' });
    expect(bench.errors).toEqual([]);
  });

  it('rejects connect() while connecting, and drops a token that arrives later', async () => {
    let give = (_token: string): void => undefined;
    const bench = new ClientBench({ getToken: () => new Promise(resolve => (give = resolve)) });
    const opened = bench.client.connect();
    await settled();
    bench.client.disconnect();
    give('late');

    expect((await failureOf(opened)).code).toBe('CLOSED');
    await settled();
    expect(bench.sockets).toEqual([]);
  });

  it('keeps subscriptions, which resume at their cursors, and does not deliver frames from before', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const received: unknown[] = [];
    bench.client.subscribe('a', ({ data }) => received.push(data));
    socket.receive({ type: 'subscribed', cursor: 'c0', id: (await socket.frame('subscribe')).id });
    socket.deliver('c1', { type: 'a', id: '1', data: 1 });
    await settled();
    socket.deliver('c2', { type: 'a', id: '2', data: 2 });
    bench.client.disconnect();
    await settled();
    expect(received).toEqual([1]);

    const next = await bench.connected(2);
    expect(await next.frame('subscribe')).toMatchObject({ patterns: ['a'], since: 'c1' });
    next.deliver('c2', { type: 'a', id: '2', data: 2 });
    await settled();
    expect(received).toEqual([1, 2]);
  });

  it('keeps iterations', async () => {
    const bench = new ClientBench();
    await bench.connected();
    const next = bench.client.events('a').next();
    bench.client.disconnect();
    const socket = await bench.connected(2);
    await socket.frame('subscribe');
    socket.deliver('c1', { type: 'a', data: 1 });

    expect((await next).value).toMatchObject({ data: 1 });
  });

  it('ends the wait of a client that would reconnect', async () => {
    const bench = new ClientBench();
    (await bench.connected()).drop();
    await bench.state('waiting');
    bench.client.disconnect();

    expect(bench.clock.pending).toBe(0);
    expect(bench.client.state).toBe('idle');
  });
});

describe('connect', () => {
  it('connects again after a rejection that closed the client', async () => {
    let token: string | null = null;
    const bench = new ClientBench({ getToken: () => token });
    expect((await failureOf(bench.client.connect())).code).toBe('NO_TOKEN');
    expect((await failureOf(bench.client.emit('a'))).code).toBe('NO_TOKEN');
    expect(bench.client.state).toBe('closed');

    token = 'token';
    const socket = await bench.connected();
    const ended = bench.client.subscribe('a', () => undefined);
    await socket.frame('subscribe');
    socket.drop(4403, 'REVOKED');
    expect((await failureOf(ended.ready)).code).toBe('REVOKED');

    const next = await bench.connected(2);
    await bench.client.emit('b');
    expect((await next.event()).type).toBe('b');
    // A subscription that ended with the rejection is not requested again.
    expect(next.frames('subscribe')).toEqual([]);
  });

  it('does not connect a client after close()', async () => {
    const bench = new ClientBench();
    await bench.connected();
    bench.client.close();

    expect((await failureOf(bench.client.connect())).code).toBe('CLOSED');
    expect(bench.client.state).toBe('closed');
  });

  it('disconnects if its signal is aborted, unless another caller waits', async () => {
    const bench = new ClientBench();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = bench.client.connect({ signal: first.signal });
    const two = bench.client.connect({ signal: second.signal });
    first.abort('left the page');
    expect(await failureOf(one)).toMatchObject({ code: 'ABORTED', cause: 'left the page' });
    expect(bench.client.state).toBe('connecting');
    second.abort();
    expect((await failureOf(two)).code).toBe('ABORTED');

    expect(bench.client.state).toBe('idle');
    expect(bench.clock.pending).toBe(0);
  });

  it('does nothing if its signal was aborted before', async () => {
    const bench = new ClientBench();

    expect((await failureOf(bench.client.connect({ signal: AbortSignal.abort() }))).code).toBe(
      'ABORTED',
    );
    expect(bench.states).toEqual([]);
  });

  it('is not affected by a signal that is aborted later', async () => {
    const bench = new ClientBench();
    const controller = new AbortController();
    const opened = bench.client.connect({ signal: controller.signal });
    await bench.connected();
    await opened;
    controller.abort();

    expect(bench.client.state).toBe('connected');
  });
});

describe('dispose', () => {
  it.each(['dispose', 'asyncDispose'] as const)('closes the client: Symbol.%s', async name => {
    const bench = new ClientBench();
    await bench.connected();
    if (name === 'dispose') bench.client[Symbol.dispose]();
    else await bench.client[Symbol.asyncDispose]();

    expect(bench.client.state).toBe('closed');
  });
});

describe('a client in server-side rendering', () => {
  it('can be created, subscribed and closed without access to a global', async () => {
    const names = ['WebSocket', 'crypto', 'location', 'document', 'addEventListener'] as const;
    const saved = names.map(
      name => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
    );
    const touched = jest.fn();
    try {
      for (const name of names)
        Object.defineProperty(globalThis, name, { configurable: true, get: () => touched(name) });
      const client = new SemanticEventsClient({ url: '/events', getToken: () => 'token' });
      client.on('state', () => undefined);
      client.subscribe('a.*', () => undefined);
      client.close();
      expect(touched).not.toHaveBeenCalled();

      const other = new SemanticEventsClient({ url: '/events', getToken: () => 'token' });
      // connect() reports there what is missing.
      expect(await failureOf(other.connect())).toMatchObject({
        code: 'INVALID_CONFIG',
        problems: [
          'WebSocket must be a function',
          'url must be the address of a WebSocket',
          expect.stringContaining('crypto.subtle is missing'),
        ],
      });
    } finally {
      for (const [name, descriptor] of saved) {
        if (descriptor) Object.defineProperty(globalThis, name, descriptor);
        else Reflect.deleteProperty(globalThis, name);
      }
    }
  });
});

describe('an environment', () => {
  const crypto = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
  const replaceCrypto = (value: unknown) =>
    Object.defineProperty(globalThis, 'crypto', { configurable: true, value });

  afterEach(() => {
    Object.defineProperty(globalThis, 'crypto', crypto);
  });

  it('without crypto.randomUUID is supported', async () => {
    const { webcrypto } = await import('node:crypto');
    replaceCrypto({
      subtle: webcrypto.subtle,
      getRandomValues: (bytes: Uint8Array) => webcrypto.getRandomValues(bytes),
    });
    const bench = new ClientBench();
    const socket = await bench.connected();
    const reply = bench.client.request('a', 1);
    socket.reply(await socket.event());

    expect(await reply).toMatchObject({ data: 1 });
  });

  it('of a page without https is reported by connect()', async () => {
    replaceCrypto({ getRandomValues: () => undefined });
    const bench = new ClientBench();

    expect((await failureOf(bench.client.connect())).problems).toEqual([
      'crypto.subtle is missing: serve the page by https, or pass the option crypto',
    ]);
  });
});
