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
  it('gets what matches its patterns, once the server has confirmed it', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const heard: SemanticEvent[] = [];
    const { ready } = bench.client.subscribe(['chat.*', 'ui.**'], event => heard.push(event));
    expect(await confirm(socket, 'c0')).toEqual({
      type: 'subscribe',
      patterns: ['chat.*', 'ui.**'],
    });
    await ready;
    for (const type of ['chat.said', 'chat.said.twice', 'ui', 'ui.a.b', 'uix', 'chat'])
      socket.deliver('c1', { type });
    await settled();

    expect(heard.map(({ type }) => type)).toEqual(['chat.said', 'ui', 'ui.a.b']);
  });

  it('may be made before there is a connection', async () => {
    const bench = new ClientBench();
    const { ready } = bench.client.subscribe('a', () => undefined);
    const socket = await bench.connected();
    await confirm(socket, 'c0');

    await ready;
  });

  it.each([[''], ['a..b'], ['a*'], [[]], [['a', '']], ['x'.repeat(257)], [undefined], [[1]]])(
    'is not made of what is no pattern: %p',
    patterns => {
      const bench = new ClientBench();
      const subscribe = () => bench.client.subscribe(patterns as string, () => undefined);

      expect(subscribe).toThrow(expect.objectContaining({ code: 'INVALID_EVENT' }));
      expect(() => bench.client.events(patterns as string)).toThrow('INVALID_EVENT');
    },
  );

  it('ends when its caller says so, and no sooner', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const heard: string[] = [];
    const first = bench.client.subscribe(['a', 'b'], () => heard.push('first'));
    const second = bench.client.subscribe('a', () => heard.push('second'));
    await confirm(socket, 'c0');
    await confirm(socket, 'c0', 2);
    first();
    first();
    socket.deliver('c1', { type: 'a' });
    await settled();

    expect(heard).toEqual(['second']);
    // What another subscription still wants is not given up.
    expect(socket.frames('unsubscribe')).toMatchObject([{ patterns: ['b'] }]);
    second();
    expect(socket.frames('unsubscribe')).toMatchObject([{ patterns: ['b'] }, { patterns: ['a'] }]);
  });

  it('may end another while it is being told', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const heard: string[] = [];
    bench.client.subscribe('a', () => {
      heard.push('first');
      second();
    });
    const second = bench.client.subscribe('a', () => heard.push('second'));
    socket.deliver('c1', { type: 'a' });
    await settled();

    expect(heard).toEqual(['first']);
  });

  it('that was ended before it was confirmed says so to who waits for it', async () => {
    const bench = new ClientBench();
    const unsubscribe = bench.client.subscribe('a', () => undefined);
    unsubscribe();

    expect((await failureOf(unsubscribe.ready)).code).toBe('CLOSED');
    const socket = await bench.connected();
    await settled();
    expect(socket.frames('subscribe')).toEqual([]);
  });

  it('is not ended by the answer to an earlier unsubscribe', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined)();
    const heard: unknown[] = [];
    bench.client.subscribe('a', event => heard.push(event));
    const { id } = await socket.frame('unsubscribe');
    socket.receive({ type: 'unsubscribed', patterns: ['a'], id });
    socket.deliver('c1', { type: 'a' });
    await settled();

    expect(heard).toHaveLength(1);
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
  ])('whose handler %s goes on, and tells', async (_, fail) => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const heard: unknown[] = [];
    bench.client.subscribe('a', fail);
    bench.client.subscribe('a', event => heard.push(event));
    const { id } = socket.deliver('c1', { type: 'a' });
    socket.deliver('c2', { type: 'a' });
    await settled();

    expect(heard).toHaveLength(2);
    expect(bench.errors).toMatchObject([
      { code: 'HANDLER_FAILED', cause: new Error('mine'), eventId: id, eventType: 'a' },
      { code: 'HANDLER_FAILED' },
    ]);
  });

  it.each(['FORBIDDEN', 'INVALID_EVENT', 'UNKNOWN_EVENT'])(
    'ends when it is refused with %s',
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

  it('is asked for again when it cannot be had right now', async () => {
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

  it('is asked for again when nobody answers', async () => {
    const bench = new ClientBench({ pingInterval: 0, random: () => 0 });
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    bench.clock.advance(10_000);
    await socket.frame('subscribe', 2);

    expect(bench.codes).toEqual(['TIMEOUT']);
  });

  it('is asked for no more once it is ended while it waits', async () => {
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

  it('is asked for again although another, which was refused together with it, was ended meanwhile', async () => {
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

  it('ends, whole or in part, when the right to it is withdrawn', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const heard: string[] = [];
    const whole = bench.client.events('a');
    bench.client.subscribe(['a', 'b'], ({ type }) => heard.push(type));
    socket.receive({ type: 'unsubscribed', patterns: ['a'] });
    socket.deliver('c1', { type: 'a' });
    socket.deliver('c2', { type: 'b' });
    await settled();

    expect(heard).toEqual(['b']);
    expect(await failureOf(whole.next())).toMatchObject({ code: 'FORBIDDEN', patterns: ['a'] });
    expect(bench.errors).toMatchObject([{ code: 'FORBIDDEN', patterns: ['a'] }]);
    const next = await bench.reconnected();
    expect(await next.frame('subscribe')).toMatchObject({ patterns: ['b'] });
  });
});

describe('after the connection was lost', () => {
  it('everything is asked for from where it was, in one frame', async () => {
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

  it('what was confirmed but saw no event goes on from its confirmation', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    await confirm(socket, 'c5');
    const next = await bench.reconnected();

    expect(await confirm(next, 'c5')).toMatchObject({ since: 'c5' });
  });

  it('nothing is skipped that an earlier subscription has not been sent yet', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    bench.client.subscribe('a', () => undefined);
    await confirm(socket, 'c1');
    // The server has got further, but what lies between has not been sent.
    bench.client.subscribe('b', () => undefined);
    await confirm(socket, 'c9', 2);
    const next = await bench.reconnected();

    expect(await confirm(next, 'c1', 1)).toMatchObject({ patterns: ['a'], since: 'c1' });
    // Not confirmed on this connection yet, it does not go on with the events of the other.
    next.deliver('c2', { type: 'a' });
    await settled();
    const third = await bench.reconnected();
    expect(await third.frame('subscribe', 1)).toMatchObject({ patterns: ['a'], since: 'c2' });
    expect(await third.frame('subscribe', 2)).toMatchObject({ patterns: ['b'], since: 'c9' });
  });

  it('no event is handled twice, and none is left out', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const heard: unknown[] = [];
    bench.client.subscribe('a', ({ data }) => heard.push(data));
    await confirm(socket, 'c0');
    socket.deliver('c1', { type: 'a', id: '1', data: 1 });
    socket.deliver('c2', { type: 'a', id: '2', data: 2 });
    const next = await bench.reconnected();
    await confirm(next, 'c1');
    for (const n of [2, 3, 4]) next.deliver(`c${n}`, { type: 'a', id: String(n), data: n });
    await settled();

    expect(heard).toEqual([1, 2, 3, 4]);
  });

  it('one subscription that is refused by now does not take the others with it', async () => {
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

  it('a gap is told, and gone on from', async () => {
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
  it('gives what came since it was made, in order', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const events = bench.client.events('a');
    await confirm(socket, 'c0');
    await events.ready;
    for (const data of [1, 2, 3]) socket.deliver(`c${data}`, { type: 'a', data });
    await settled();
    const heard: unknown[] = [];
    for await (const { data } of events) {
      heard.push(data);
      if (data === 2) void bench.client.emit('done');
      if (heard.length === 3) break;
    }

    expect(heard).toEqual([1, 2, 3]);
    expect(socket.frames('unsubscribe')).toMatchObject([{ patterns: ['a'] }]);
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  it('may be waited on many times at once, and is ended while it is', async () => {
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

  it('ends when the client is closed, after what had come', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const events = bench.client.events('a');
    socket.deliver('c1', { type: 'a', data: 1 });
    await settled();
    bench.client.close();
    const heard: unknown[] = [];
    for await (const { data } of events) heard.push(data);

    expect(heard).toEqual([1]);
  });

  it('throws when the client is closed by a refusal', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const next = bench.client.events('a').next();
    socket.drop(4403, 'REVOKED');

    expect((await failureOf(next)).code).toBe('REVOKED');
  });

  it('throws when nobody reads it, after a bounded number of events', async () => {
    const bench = new ClientBench({ maxQueued: 2 });
    const socket = await bench.connected();
    const events = bench.client.events('a');
    for (const data of [1, 2, 3, 4]) socket.deliver(`c${data}`, { type: 'a', data });
    await settled();
    const heard: unknown[] = [];
    const iterate = async () => {
      for await (const { data } of events) heard.push(data);
    };

    expect((await failureOf(iterate())).code).toBe('QUEUE_FULL');
    expect(heard).toEqual([1, 2]);
    expect(socket.frames('unsubscribe')).toHaveLength(1);
  });
});
