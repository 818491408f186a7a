import { ClientBench, failureOf, settled } from '../helpers/client-bench.js';
import { eventually } from '../helpers/eventually.js';

const never = () => new Promise<string>(() => undefined);

describe('connecting', () => {
  it('requests the time first, sends the token, and returns the session', async () => {
    const bench = new ClientBench();
    const opened = bench.client.connect();
    const socket = await bench.socket();
    expect(bench.client.state).toBe('connecting');
    socket.open();

    expect(socket.url).toBe('ws://server.test/events');
    expect(socket.protocol).toBe('semantic-events.v1');
    expect(socket.sent).toEqual([{ type: 'ping' }, { type: 'auth', token: 'token-1' }]);

    socket.welcome();
    const session = {
      clientId: 'client-1',
      userId: 'alice',
      expiresAt: new Date('2026-11-23T11:00:00Z'),
    };
    expect(await opened).toEqual(session);
    expect(bench.client.session).toEqual(session);
    expect(bench.states).toEqual([{ state: 'connecting' }, { state: 'connected' }]);
    expect(bench.errors).toEqual([]);
  });

  it('opens one connection, however often connect() is called', async () => {
    const bench = new ClientBench();
    const both = [bench.client.connect(), bench.client.connect()];
    const socket = await bench.connected();
    await bench.client.connect();
    await Promise.all(both);

    expect(bench.sockets).toEqual([socket]);
  });

  it('gets a new token for each connection', async () => {
    const bench = new ClientBench();
    await bench.connected();
    const second = await bench.reconnected();

    expect(await second.frame('auth')).toEqual({ type: 'auth', token: 'token-2' });
  });

  it('retries if no token could be fetched', async () => {
    let calls = 0;
    const bench = new ClientBench({
      getToken: async () => {
        if (++calls === 1) throw new Error('login server is down');
        return 'token';
      },
    });
    const opened = bench.client.connect();
    await bench.retry();
    expect(bench.errors[0]).toMatchObject({
      code: 'TOKEN_FAILED',
      retryable: true,
      cause: new Error('login server is down'),
    });

    await bench.connected();
    await opened;
  });

  it.each([null, ''])('closes permanently if there is no token: %p', async token => {
    const bench = new ClientBench({ getToken: () => token });

    expect(await failureOf(bench.client.connect())).toMatchObject({
      code: 'NO_TOKEN',
      retryable: false,
    });
    expect(bench.client.state).toBe('closed');
    expect(bench.codes).toEqual(['NO_TOKEN']);
  });

  it.each([
    [7n, '7'],
    [Symbol('token'), 'Symbol(token)'],
    [{ ticket: 'x' }, '[object Object]'],
  ])(
    'sends a token that is not a string as text, so that the server rejects it: %p',
    async (token: unknown, text) => {
      const bench = new ClientBench({ getToken: () => token as string });
      void bench.client.connect();
      const socket = await bench.socket();
      socket.open();

      expect(socket.frames('auth')).toEqual([{ type: 'auth', token: text }]);
    },
  );

  it.each(['a token', 'a socket', 'being authenticated'])(
    'does not wait indefinitely for %s',
    async what => {
      const bench = new ClientBench(what === 'a token' ? { getToken: never } : {});
      void bench.client.connect();
      if (what !== 'a token') await bench.socket();
      if (what === 'being authenticated') bench.sockets[0]!.open();
      bench.clock.advance(9_999);
      await settled();
      expect(bench.client.state).toBe('connecting');

      bench.clock.advance(1);
      await bench.state('waiting');
      expect(bench.codes).toEqual(['TIMEOUT']);
    },
  );

  it('does not open a socket for a token that came too late', async () => {
    let give = (_token: string): void => undefined;
    const bench = new ClientBench({ getToken: () => new Promise(resolve => (give = resolve)) });
    void bench.client.connect();
    bench.clock.advance(10_000);
    await bench.state('waiting');
    give('late');
    await settled();

    expect(bench.sockets).toEqual([]);
  });

  it('fails at once if the WebSocket class rejects the address', async () => {
    const cause = new DOMException('An insecure WebSocket connection', 'SecurityError');
    class Insecure {
      constructor() {
        throw cause;
      }
    }
    const bench = new ClientBench({ WebSocket: Insecure as never });

    expect(await failureOf(bench.client.connect())).toMatchObject({
      code: 'INVALID_CONFIG',
      message: 'SecurityError: An insecure WebSocket connection',
      cause,
    });
    expect(bench.client.state).toBe('closed');
    expect(bench.tokens).toBe(1);
  });

  it.each([
    ['Unexpected server response: 404', 'Unexpected server response: 404'],
    // Node reports a refused connection to several addresses without a message.
    ['', 'CONNECTION_LOST'],
    [undefined, 'CONNECTION_LOST'],
  ])('reports why the socket failed in the message of the error: %p', async (message, expected) => {
    const bench = new ClientBench();
    void bench.client.connect();
    const socket = await bench.socket();
    socket.onerror?.({ message });
    socket.drop();
    await bench.state('waiting');

    expect(bench.errors[0]).toMatchObject({ code: 'CONNECTION_LOST', message: expected });
    expect(bench.errors[0]).toHaveProperty('cause', message);
  });

  it('retries if a transport cannot be opened', async () => {
    const cause = new Error('not ready');
    const transport = () => {
      throw cause;
    };
    const bench = new ClientBench({ transport });
    void bench.client.connect();
    await bench.state('waiting');

    expect(bench.errors[0]).toMatchObject({ code: 'CONNECTION_LOST', cause });
  });

  it.each([
    ['rejected', 'AUTH_FAILED', 4401],
    ['too large', 'MESSAGE_TOO_LARGE', 1009],
  ])('closes after exactly three tokens in a row that are %s', async (_, code, close) => {
    const bench = new ClientBench();
    const opened = bench.client.connect();
    for (let attempt = 1; attempt <= 3; attempt++) {
      const socket = await bench.socket(attempt);
      socket.open();
      socket.refuse(code);
      socket.drop(close, code);
      if (attempt < 3) await bench.retry();
    }

    expect(await failureOf(opened)).toMatchObject({ code });
    expect(bench.tokens).toBe(3);
    // The frame and the close after it count as one rejection.
    expect(bench.codes).toEqual([code, code, code]);
  });

  it('resets the count of rejected tokens after a success', async () => {
    const bench = new ClientBench({ maxAuthFailures: 2 });
    void bench.client.connect();
    for (let nth = 1; nth <= 5; nth += 2) {
      const refusing = await bench.socket(nth);
      refusing.open();
      refusing.drop(4401, 'AUTH_FAILED');
      await bench.state('waiting');
      await bench.connected(nth + 1);
      bench.sockets[nth]!.drop();
      await bench.retry();
    }

    expect(bench.client.state).toBe('connecting');
  });

  it('retries at once if connect() is called during the wait', async () => {
    const bench = new ClientBench();
    await bench.connected();
    bench.sockets[0]!.drop();
    await bench.state('waiting');
    expect(bench.clock.untilNext).toBeGreaterThan(0);

    void bench.client.connect();
    await eventually(() => bench.sockets.length === 2);
    bench.clock.advance(1_000);
    await settled();
    // The scheduled attempt is not made as well.
    expect(bench.sockets).toHaveLength(2);
  });
});

describe('close', () => {
  it('closes the socket, is final, and may be called again', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.close();
    bench.client.close();

    expect(socket.closedWith).toBe(1000);
    expect(bench.client.state).toBe('closed');
    expect(bench.client.session).toBeUndefined();
    expect(bench.states.at(-1)).toMatchObject({ state: 'closed', error: { code: 'CLOSED' } });
    expect((await failureOf(bench.client.connect())).code).toBe('CLOSED');
    expect((await failureOf(bench.client.emit('a'))).code).toBe('CLOSED');
    expect((await failureOf(bench.client.request('a'))).code).toBe('CLOSED');
    expect((await failureOf(bench.client.subscribe('a', () => undefined).ready)).code).toBe(
      'CLOSED',
    );
    expect(await bench.client.events('a').next()).toEqual({ value: undefined, done: true });
    await settled();
    expect(bench.sockets).toHaveLength(1);
    expect(bench.errors).toEqual([]);
  });

  it.each(['connecting', 'waiting', 'idle'])('ends a client that is %s', async state => {
    const bench = new ClientBench();
    const opened = state === 'idle' ? undefined : bench.client.connect();
    if (state === 'waiting') (await bench.socket()).drop();
    await bench.state(state);
    bench.client.close();

    if (opened) expect((await failureOf(opened)).code).toBe('CLOSED');
    expect(bench.clock.pending).toBe(0);
  });

  it('is final even if called while a token is fetched', async () => {
    const bench: ClientBench = new ClientBench({
      getToken: () => {
        bench.client.close();
        return 'token';
      },
    });
    expect((await failureOf(bench.client.connect())).code).toBe('CLOSED');
    await settled();

    expect(bench.client.state).toBe('closed');
    expect(bench.sockets).toHaveLength(0);
  });

  it('is final even after the connection was lost, while received frames are still processed', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    await settled();
    socket.deliver('1-1', { type: 'a' });
    // The connection goes silent: a ping, and the time for its answer.
    bench.clock.advance(35_000);
    bench.client.close();
    await settled();

    expect(bench.client.state).toBe('closed');
    expect(bench.clock.pending).toBe(0);
  });

  it('rejects everything pending, sent or not', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const sent = bench.client.request('sent');
    await socket.event();
    socket.readyState = 3;
    const queued = [bench.client.request('queued'), bench.client.emit('queued')];
    bench.client.close();

    for (const promise of [sent, ...queued]) expect((await failureOf(promise)).code).toBe('CLOSED');
  });

  it('does not deliver frames that were received before but not processed', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: unknown[] = [];
    bench.client.on('event', event => delivered.push(event));
    bench.client.subscribe('a', event => delivered.push(event));
    socket.deliver('1', { type: 'a' });
    socket.receive({ type: 'event', event: socket.signed({ type: 'a' }) });
    socket.receive('not JSON');
    bench.client.close();
    await settled();

    expect(delivered).toEqual([]);
    expect(bench.errors).toEqual([]);
  });
});
