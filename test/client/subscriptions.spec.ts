import type { SemanticEvent } from '../../lib/client/index.js';
import { ClientBench, failureOf, settled } from '../helpers/client-bench.js';
import type { FakeSocket } from '../helpers/fake-socket.js';
import type { Json } from '../helpers/test-client.js';

/** Confirms the nth subscribe frame of a socket, and returns it. */
async function confirm(socket: FakeSocket, cursor: string, nth = 1): Promise<Json> {
  const { id, ...frame } = await socket.frame('subscribe', nth);
  socket.receive({ type: 'subscribed', patterns: frame.patterns, cursor, id });
  await settled();
  return frame;
}

describe('a subscription', () => {
  it('receives matching events after the server has confirmed it', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: SemanticEvent[] = [];
    const { ready } = bench.client.subscribe(['chat.*', 'ui.**'], event => delivered.push(event));
    expect(await confirm(socket, 'c0')).toEqual({
      type: 'subscribe',
      patterns: ['chat.*', 'ui.**'],
    });
    await ready;
    for (const type of ['chat.said', 'chat.said.twice', 'ui', 'ui.a.b', 'uix', 'chat'])
      socket.deliver('c1', { type });
    await settled();

    expect(delivered.map(({ type }) => type)).toEqual(['chat.said', 'ui', 'ui.a.b']);
  });

  it('may be created before the client connects', async () => {
    const bench = new ClientBench();
    const { ready } = bench.client.subscribe('a', () => undefined);
    const socket = await bench.connected();
    await confirm(socket, 'c0');

    await ready;
  });

  it.each([[''], ['a..b'], ['a*'], [[]], [['a', '']], ['x'.repeat(257)], [undefined], [[1]]])(
    'is rejected for an invalid pattern: %p',
    patterns => {
      const bench = new ClientBench();
      const subscribe = () => bench.client.subscribe(patterns as string, () => undefined);

      expect(subscribe).toThrow(expect.objectContaining({ code: 'INVALID_EVENT' }));
      expect(() => bench.client.events(patterns as string)).toThrow(
        expect.objectContaining({ code: 'INVALID_EVENT' }),
      );
    },
  );

  it('ends when unsubscribed, and not before', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: string[] = [];
    const first = bench.client.subscribe(['a', 'b'], () => delivered.push('first'));
    const second = bench.client.subscribe('a', () => delivered.push('second'));
    await confirm(socket, 'c0');
    await confirm(socket, 'c0', 2);
    first();
    first();
    socket.deliver('c1', { type: 'a' });
    await settled();

    expect(delivered).toEqual(['second']);
    // A pattern of another subscription is kept.
    expect(socket.frames('unsubscribe')).toMatchObject([{ patterns: ['b'] }]);
    second();
    expect(socket.frames('unsubscribe')).toMatchObject([{ patterns: ['b'] }, { patterns: ['a'] }]);
  });

  it('may end another one within its handler', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: string[] = [];
    bench.client.subscribe('a', () => {
      delivered.push('first');
      second();
    });
    const second = bench.client.subscribe('a', () => delivered.push('second'));
    socket.deliver('c1', { type: 'a' });
    await settled();

    expect(delivered).toEqual(['first']);
  });

  it('rejects its ready promise if it ends before the confirmation', async () => {
    const bench = new ClientBench();
    const unsubscribe = bench.client.subscribe('a', () => undefined);
    unsubscribe();

    expect((await failureOf(unsubscribe.ready)).code).toBe('CLOSED');
    const socket = await bench.connected();
    await settled();
    expect(socket.frames('subscribe')).toEqual([]);
  });

  it('does not end with the answer to an earlier unsubscribe', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined)();
    const delivered: unknown[] = [];
    bench.client.subscribe('a', event => delivered.push(event));
    const { id } = await socket.frame('unsubscribe');
    socket.receive({ type: 'unsubscribed', patterns: ['a'], id });
    socket.deliver('c1', { type: 'a' });
    await settled();

    expect(delivered).toHaveLength(1);
    expect(bench.errors).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('whose handler %s continues, and reports it', async (_, fail) => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: unknown[] = [];
    bench.client.subscribe('a', fail);
    bench.client.subscribe('a', event => delivered.push(event));
    const { id } = socket.deliver('c1', { type: 'a' });
    socket.deliver('c2', { type: 'a' });
    await settled();

    expect(delivered).toHaveLength(2);
    expect(bench.errors).toMatchObject([
      { code: 'HANDLER_FAILED', cause: new Error('mine'), eventId: id, eventType: 'a' },
      { code: 'HANDLER_FAILED' },
    ]);
  });

  it.each(['FORBIDDEN', 'INVALID_EVENT', 'UNKNOWN_EVENT'])(
    'ends if rejected with %s',
    async code => {
      const bench = new ClientBench();
      const socket = await bench.connected();
      const { ready } = bench.client.subscribe('secret.**', () => undefined);
      const { id } = await socket.frame('subscribe');
      socket.refuse(code, { id });

      expect(await failureOf(ready)).toMatchObject({ code, patterns: ['secret.**'] });
      expect(bench.errors).toMatchObject([{ code, patterns: ['secret.**'] }]);
      const next = await bench.reconnected();
      await settled();
      expect(next.frames('subscribe')).toEqual([]);
    },
  );

  it('is requested again after a temporary rejection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const { ready } = bench.client.subscribe('a', () => undefined);
    const { id } = await socket.frame('subscribe');
    socket.refuse('RATE_LIMITED', { id, retry_after: 3 });
    await settled();
    bench.clock.advance(2_999);
    expect(socket.frames('subscribe')).toHaveLength(1);
    bench.clock.advance(1);
    const second = await socket.frame('subscribe', 2);
    socket.refuse('UNAVAILABLE', { id: second.id });
    await settled();
    bench.random = 0.5;
    bench.clock.advance(30_000);
    await confirm(socket, 'c0', 3);

    await ready;
    expect(bench.codes).toEqual(['RATE_LIMITED', 'UNAVAILABLE']);
  });

  it('is requested again if the server does not answer', async () => {
    const bench = new ClientBench({ pingInterval: 0, random: () => 0 });
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    bench.clock.advance(10_000);
    await socket.frame('subscribe', 2);

    expect(bench.codes).toEqual(['TIMEOUT']);
  });

  it('is not requested again if it ends during the wait', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const unsubscribe = bench.client.subscribe('a', () => undefined);
    const { id } = await socket.frame('subscribe');
    socket.refuse('UNAVAILABLE', { id });
    await settled();
    unsubscribe();
    bench.clock.advance(30_000);

    expect(socket.frames('subscribe')).toHaveLength(1);
  });

  it('is requested again even if another one rejected with it has ended', async () => {
    const bench = new ClientBench();
    const other = bench.client.subscribe('a', () => undefined);
    const { ready } = bench.client.subscribe('b', () => undefined);
    const socket = await bench.connected();
    const { id } = await socket.frame('subscribe');
    socket.refuse('UNAVAILABLE', { id });
    await settled();
    other();
    bench.clock.advance(30_000);

    expect(await confirm(socket, 'c0', 2)).toMatchObject({ patterns: ['b'] });
    await ready;
  });

  it('ends, wholly or partly, if its right is withdrawn', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: string[] = [];
    const whole = bench.client.events('a');
    bench.client.subscribe(['a', 'b'], ({ type }) => delivered.push(type));
    socket.receive({ type: 'unsubscribed', patterns: ['a'] });
    socket.deliver('c1', { type: 'a' });
    socket.deliver('c2', { type: 'b' });
    await settled();

    expect(delivered).toEqual(['b']);
    expect(await failureOf(whole.next())).toMatchObject({ code: 'FORBIDDEN', patterns: ['a'] });
    expect(bench.errors).toMatchObject([{ code: 'FORBIDDEN', patterns: ['a'] }]);
    const next = await bench.reconnected();
    expect(await next.frame('subscribe')).toMatchObject({ patterns: ['b'] });
  });
});

describe('after the connection was lost', () => {
  it('all subscriptions resume at their cursors in one frame', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    bench.client.subscribe(['b', 'a'], () => undefined);
    await confirm(socket, 'c0', 1);
    await confirm(socket, 'c1', 2);
    socket.deliver('c2', { type: 'a' });
    await settled();
    const next = await bench.reconnected();

    expect(await confirm(next, 'c2')).toEqual({
      type: 'subscribe',
      patterns: ['a', 'b'],
      since: 'c2',
    });
    expect(next.frames('subscribe')).toHaveLength(1);
  });

  it('a confirmed subscription without events resumes at its confirmation', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    await confirm(socket, 'c5');
    const next = await bench.reconnected();

    expect(await confirm(next, 'c5')).toMatchObject({ since: 'c5' });
  });

  it('a subscription that lags behind loses no events', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    await confirm(socket, 'c1');
    // The server is further ahead, but has not sent the events in between.
    bench.client.subscribe('b', () => undefined);
    await confirm(socket, 'c9', 2);
    const next = await bench.reconnected();

    expect(await confirm(next, 'c1', 1)).toMatchObject({ patterns: ['a'], since: 'c1' });
    // It is not confirmed on this connection yet, so events of the other do not advance its cursor.
    next.deliver('c2', { type: 'a' });
    await settled();
    const third = await bench.reconnected();
    expect(await third.frame('subscribe', 1)).toMatchObject({ patterns: ['a'], since: 'c2' });
    expect(await third.frame('subscribe', 2)).toMatchObject({ patterns: ['b'], since: 'c9' });
  });

  it('no event is handled twice or lost', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: unknown[] = [];
    bench.client.subscribe('a', ({ data }) => delivered.push(data));
    await confirm(socket, 'c0');
    socket.deliver('c1', { type: 'a', id: '1', data: 1 });
    socket.deliver('c2', { type: 'a', id: '2', data: 2 });
    const next = await bench.reconnected();
    await confirm(next, 'c1');
    for (const n of [2, 3, 4]) next.deliver(`c${n}`, { type: 'a', id: String(n), data: n });
    await settled();

    expect(delivered).toEqual([1, 2, 3, 4]);
  });

  it('all subscriptions resume, even if the queue of requests is full', async () => {
    const bench = new ClientBench({ maxQueued: 2 });
    bench.client.subscribe('a', () => undefined);
    await confirm(await bench.connected(), 'c1');
    bench.sockets[0]!.drop();
    await bench.state('waiting');
    void bench.client.request('b');
    void bench.client.request('b');
    const second = await bench.connected(2);

    expect(second.frames('subscribe')).toMatchObject([{ patterns: ['a'], since: 'c1' }]);
    expect(bench.codes).toEqual(['CONNECTION_LOST']);
  });

  it('one subscription that is now rejected does not affect the others', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const lost = bench.client.subscribe('secret', () => undefined);
    bench.client.subscribe('chat', () => undefined);
    await confirm(socket, 'c1', 1);
    await confirm(socket, 'c1', 2);
    await lost.ready;
    const next = await bench.reconnected();
    next.refuse('FORBIDDEN', { id: (await next.frame('subscribe', 1)).id });
    const alone = await next.frame('subscribe', 2);
    expect(alone).toMatchObject({ patterns: ['secret'], since: 'c1' });
    next.refuse('FORBIDDEN', { id: alone.id });
    expect(await confirm(next, 'c1', 3)).toMatchObject({ patterns: ['chat'], since: 'c1' });

    expect(bench.errors.at(-1)).toMatchObject({ code: 'FORBIDDEN', patterns: ['secret'] });
    const third = await bench.reconnected();
    expect(await third.frame('subscribe')).toMatchObject({ patterns: ['chat'] });
  });

  it('a gap is reported, and events after it are delivered', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const gaps: unknown[] = [];
    bench.client.on('gap', gap => gaps.push(gap));
    bench.client.subscribe(['a', 'b'], () => undefined);
    bench.client.subscribe('c', () => undefined);
    await confirm(socket, 'c1', 1);
    await confirm(socket, 'c1', 2);
    socket.receive({ type: 'gap', patterns: ['a'], cursor: 'c7' });
    await settled();
    expect(gaps).toEqual([{ patterns: ['a'] }]);

    const next = await bench.reconnected();
    expect(await next.frame('subscribe', 1)).toMatchObject({ patterns: ['a', 'b'], since: 'c7' });
    expect(await next.frame('subscribe', 2)).toMatchObject({ patterns: ['c'], since: 'c1' });
  });
});

describe('an iteration', () => {
  it('returns the events since its creation, in order', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const events = bench.client.events('a');
    await confirm(socket, 'c0');
    await events.ready;
    for (const data of [1, 2, 3]) socket.deliver(`c${data}`, { type: 'a', data });
    await settled();
    const delivered: unknown[] = [];
    for await (const { data } of events) {
      delivered.push(data);
      if (data === 2) void bench.client.emit('done');
      if (delivered.length === 3) break;
    }

    expect(delivered).toEqual([1, 2, 3]);
    expect(socket.frames('unsubscribe')).toMatchObject([{ patterns: ['a'] }]);
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  it('supports concurrent calls of next(), and ends while they wait', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const events = bench.client.events('a');
    const waiting = [events.next(), events.next(), events.next()];
    socket.deliver('c1', { type: 'a', data: 1 });
    socket.deliver('c2', { type: 'a', data: 2 });
    await settled();
    await events.return();
    const results = await Promise.all(waiting);

    expect(results.map(({ value, done }) => [value?.data, done])).toEqual([
      [1, false],
      [2, false],
      [undefined, true],
    ]);
  });

  it('ends when the client is closed, after the received events', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const events = bench.client.events('a');
    socket.deliver('c1', { type: 'a', data: 1 });
    await settled();
    bench.client.close();
    const delivered: unknown[] = [];
    for await (const { data } of events) delivered.push(data);

    expect(delivered).toEqual([1]);
  });

  it('throws if a rejection closes the client', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const next = bench.client.events('a').next();
    socket.drop(4403, 'REVOKED');

    expect((await failureOf(next)).code).toBe('REVOKED');
  });

  it('throws if events are not consumed beyond a limit', async () => {
    const bench = new ClientBench({ maxQueued: 2 });
    const socket = await bench.connected();
    const events = bench.client.events('a');
    for (const data of [1, 2, 3, 4]) socket.deliver(`c${data}`, { type: 'a', data });
    await settled();
    const delivered: unknown[] = [];
    const iterate = async () => {
      for await (const { data } of events) delivered.push(data);
    };

    expect((await failureOf(iterate())).code).toBe('QUEUE_FULL');
    expect(delivered).toEqual([1, 2]);
    expect(socket.frames('unsubscribe')).toHaveLength(1);
  });
});

describe("a subscription with scope: 'own'", () => {
  it('requests addressed events separately, again on each connection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const delivered: string[] = [];
    bench.client.subscribe('a', event => delivered.push(`all ${event.semanticaudience}`));
    expect(await confirm(socket, 'c0')).toEqual({ type: 'subscribe', patterns: ['a'] });
    bench.client.subscribe('a', event => delivered.push(`own ${event.semanticaudience}`), {
      scope: 'own',
    });
    expect(await confirm(socket, 'c0', 2)).toEqual({
      type: 'subscribe',
      patterns: ['a'],
      scope: 'own',
    });
    socket.deliver('c1', { type: 'a' });
    socket.deliver('c2', { type: 'a', semanticaudience: 'user' });
    await settled();
    expect(delivered).toEqual(['all undefined', 'all user', 'own user']);
  });
});
