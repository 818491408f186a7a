import { ClientBench, settled } from '../helpers/client-bench.js';
import { eventually } from '../helpers/eventually.js';

describe('a server', () => {
  it('that is silent receives a ping, and loses the connection if it does not answer', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.clock.advance(24_999);
    expect(socket.frames('ping')).toHaveLength(1);
    bench.clock.advance(1);
    expect(socket.frames('ping')).toHaveLength(2);
    bench.clock.advance(9_999);
    await settled();
    expect(bench.client.state).toBe('connected');
    bench.clock.advance(1);
    await bench.state('waiting');

    expect(bench.codes).toEqual(['TIMEOUT']);
    expect(socket.closedWith).toBeDefined();
  });

  it('that sends a lot receives as many pings, so that it does not consider the client idle', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    for (let second = 0; second < 600; second++) {
      bench.clock.advance(1_000);
      socket.receive({ type: 'whatever' });
    }
    await settled();

    expect(socket.frames('ping')).toHaveLength(1 + 600 / 25);
    expect(bench.client.state).toBe('connected');
  });

  it('keeps its connection if it answers in time with any frame', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    for (let round = 0; round < 5; round++) {
      bench.clock.advance(25_000 + 9_999);
      socket.receive(round % 2 ? { type: 'pong', time: '2026-11-23T10:00:00Z' } : 'not JSON');
    }
    await settled();

    expect(bench.client.state).toBe('connected');
  });

  it('receives no pings with a ping interval of 0', async () => {
    const bench = new ClientBench({ pingInterval: 0 });
    const socket = await bench.connected();
    bench.clock.advance(86_400_000);

    expect(socket.frames('ping')).toHaveLength(1);
  });
});

describe('a session about to expire', () => {
  it('is renewed with a new token on the same connection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.receive({ type: 'auth_expiring', expires_in: 30 });
    expect(await socket.frame('auth', 2)).toEqual({ type: 'auth', token: 'token-2' });
    const { key_id, key } = socket.signing;
    socket.welcome({
      expires_at: '2026-11-23T12:00:00Z',
      signing: { scheme: 'v1', key_id, key },
    });
    await settled();

    expect(bench.client.session?.expiresAt).toEqual(new Date('2026-11-23T12:00:00Z'));
    expect(bench.states).toHaveLength(2);
    expect(bench.sockets).toHaveLength(1);
  });

  it('is renewed again after a failed token fetch, until it expires', async () => {
    let isDown = false;
    let calls = 0;
    const getToken = () => {
      calls++;
      if (isDown) throw new Error('down');
      return 'token';
    };
    const bench = new ClientBench({ getToken });
    const socket = await bench.connected();
    isDown = true;
    socket.receive({ type: 'auth_expiring', expires_in: 30 });
    for (let round = 0; round < 3; round++) {
      await settled();
      bench.clock.advance(1_000);
    }
    await settled();
    expect(bench.codes).toEqual(Array(4).fill('TOKEN_FAILED'));
    expect(bench.client.state).toBe('connected');

    socket.drop(4401, 'SESSION_EXPIRED');
    await bench.state('waiting');
    const before = calls;
    bench.clock.advance(999);
    await settled();
    expect(calls).toBe(before);
  });

  it('is renewed until it ends later, although a token cache returns the same token for a while', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const { key_id, key } = socket.signing;
    const renewed = async (nth: number, minute: number) => {
      await socket.frame('auth', nth);
      const expires_at = `2026-11-23T11:0${minute}:00.000Z`;
      socket.welcome({ expires_at, signing: { scheme: 'v1', key_id, key } });
      await settled();
    };
    socket.receive({ type: 'auth_expiring', expires_in: 30 });
    for (const nth of [2, 3]) {
      await renewed(nth, 0);
      bench.clock.advance(999);
      await settled();
      expect(socket.frames('auth')).toHaveLength(nth);
      bench.clock.advance(1);
    }
    await renewed(4, 1);
    bench.clock.advance(20_000);
    await settled();

    expect(socket.frames('auth')).toHaveLength(4);
    expect(bench.client.session?.expiresAt).toEqual(new Date('2026-11-23T11:01:00Z'));
    expect(bench.errors).toEqual([]);
  });

  it('is renewed at most once per backoff, however often the server says so', async () => {
    let give: ((token: string) => void)[] = [];
    const bench = new ClientBench({
      getToken: () => new Promise<string>(resolve => give.push(resolve)),
    });
    const connected = bench.connected();
    await eventually(() => give.length === 1);
    give[0]!('first');
    const socket = await connected;
    give = [];
    const expire = async () => {
      for (let nth = 0; nth < 100; nth++) socket.receive({ type: 'auth_expiring', expires_in: -1 });
      await settled();
    };
    await expire();
    expect(give).toHaveLength(1);
    give[0]!('second');
    await settled();
    await expire();
    expect(give).toHaveLength(1);
    socket.welcome();
    await expire();
    expect(give).toHaveLength(1);
    bench.clock.advance(1_000);
    await expire();
    expect(give).toHaveLength(2);
    expect(socket.frames('auth')).toHaveLength(2);
  });

  it('is renewed at most once per backoff after a late answer that does not extend it', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.receive({ type: 'auth_expiring', expires_in: 30 });
    await socket.frame('auth', 2);
    bench.clock.advance(500);
    socket.welcome();
    await settled();
    bench.clock.advance(500);
    socket.receive({ type: 'auth_expiring', expires_in: 30 });
    await settled();
    expect(socket.frames('auth')).toHaveLength(2);
    bench.clock.advance(500);
    await settled();
    expect(socket.frames('auth')).toHaveLength(3);
  });

  it('ends the client if there is no token any more', async () => {
    const tokens = ['token', null];
    const bench = new ClientBench({ getToken: () => tokens.shift() ?? null });
    const socket = await bench.connected();
    socket.receive({ type: 'auth_expiring', expires_in: 30 });
    await bench.state('closed');

    expect(bench.codes).toEqual(['NO_TOKEN']);
    expect(socket.closedWith).toBe(1000);
  });

  it('is replaced by a new token and connection after it expired', async () => {
    const bench = new ClientBench();
    (await bench.connected()).drop(4401, 'SESSION_EXPIRED');
    await bench.retry();
    const next = await bench.connected(2);

    expect(await next.frame('auth')).toEqual({ type: 'auth', token: 'token-2' });
  });
});
