import { randomBytes } from 'node:crypto';
import { ConnectionManager } from '../../lib/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { dataOf, startMesh, subscribe } from '../helpers/mesh-app.js';
import type { Json } from '../helpers/test-client.js';

const UNLIMITED = { messageRate: 1e6, messageBurst: 1e6, maxStrikes: 1e6 };
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => from + at);
const isEvent = ({ type }: Json) => type === 'event';

describe('a client that resumes', () => {
  it('receives exactly what came after its cursor while more is published', async () => {
    const { app, mesh } = await startMesh(['**'], { connection: UNLIMITED });
    const first = await app.login();
    const cursors = [(await subscribe(first, ['n.*'])).cursor as string];
    const TOTAL = 3_000;
    const clients = await Promise.all(Array.from({ length: 30 }, (_, n) => app.login(`user-${n}`)));
    const starts = new Map<number, number>();
    for (let n = 0; n < TOTAL; n++) {
      await mesh.emit(n % 3 ? 'n.a' : 'n.b', n);
      if (n % 90 === 45 && starts.size < clients.length) {
        // Events 0 to n are published; resume after one of them.
        cursors.push(
          ...(await first.take(first.received.length)).map(({ cursor }) => cursor as string),
        );
        const at = Math.floor(Math.random() * cursors.length);
        const client = clients[starts.size]!;
        starts.set(starts.size, at);
        client.sendJson({ type: 'subscribe', patterns: ['n.a', 'n.**'], since: cursors[at] });
      }
      if (n % 10 === 0) await new Promise(setImmediate);
    }
    for (const [index, from] of starts) {
      const client = clients[index]!;
      const [subscribed, ...events] = await client.take(1 + TOTAL - from);
      expect(subscribed).toMatchObject({ type: 'subscribed', cursor: cursors[from] });
      expect([index, dataOf(events)]).toEqual([index, numbers(from, TOTAL)]);
      expect(client.received).toEqual([]);
    }
    expect(mesh.stats()).toMatchObject({ subscribers: 31, subscriptions: 61 });
  }, 90_000);

  it('receives events of its other subscriptions in between, in order and once', async () => {
    const { app, mesh } = await startMesh(['**'], { connection: UNLIMITED });
    const client = await app.login();
    const { cursor } = await subscribe(client, ['a']);
    for (let n = 0; n < 500; n++) await mesh.emit(n % 2 ? 'a' : 'b', n);
    client.sendJson({ type: 'subscribe', patterns: ['b'], since: cursor });
    for (let n = 500; n < 1_000; n++) {
      await mesh.emit(n % 2 ? 'a' : 'b', n);
      if (n % 20 === 0) await new Promise(setImmediate);
    }
    const frames = (await client.take(1_001)).filter(isEvent);
    const data = dataOf(frames) as number[];
    expect(data.filter(n => n % 2)).toEqual(numbers(0, 500).map(n => 2 * n + 1));
    expect(data.filter(n => n % 2 === 0)).toEqual(numbers(0, 500).map(n => 2 * n));
  });

  it('misses nothing after five seconds offline (simulated)', async () => {
    const { app, mesh } = await startMesh(['chat.**']);
    const before = await app.login();
    await subscribe(before, ['chat.*'], { signatures: 'v1e' });
    for (let n = 0; n < 20; n++) await mesh.emit('chat.a', n);
    const seen = await before.take(12);
    before.socket.pause();
    for (let n = 20; n < 60; n++) await mesh.emit('chat.a', n);
    before.terminate();
    for (let n = 60; n < 300; n++) await mesh.emit(n % 2 ? 'chat.a' : 'other.a', n);

    const again = await app.login();
    const since = seen.at(-1)!.cursor as string;
    again.sendJson({ type: 'subscribe', patterns: ['chat.*'], since });
    expect(await again.next()).toMatchObject({ type: 'subscribed', cursor: since });
    await mesh.emit('chat.a', 'live');
    const rest = await again.take(48 + 120 + 1);
    expect(dataOf([...seen, ...rest])).toEqual([
      ...numbers(0, 60),
      ...numbers(60, 300).filter(n => n % 2),
      'live',
    ]);
    expect(again.received).toEqual([]);
  });

  it('misses nothing from the cursor of a confirmation, before any event came', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    const { cursor } = await subscribe(client, ['a']);
    client.terminate();
    await mesh.emit('a', 1);
    const again = await app.login();
    await subscribe(again, ['a'], { since: cursor });
    expect(dataOf([await again.next()])).toEqual([1]);
  });

  it.each(['0-0', '1-1', 'nonsense', '', '9'.repeat(15) + '-1', '-1-2', '1e3-4', '__proto__'])(
    'from the unknown cursor %j receives a gap and the whole history',
    async since => {
      const { app, mesh } = await startMesh();
      for (let n = 0; n < 100; n++) await mesh.emit('a', n);
      const client = await app.login();
      expect((await subscribe(client, ['a'], { since })).type).toBe('subscribed');
      expect(await client.next()).toMatchObject({ type: 'gap', patterns: ['a'] });
      expect(dataOf(await client.take(100))).toEqual(numbers(0, 100));
      await mesh.emit('a', 100);
      expect(dataOf([await client.next()])).toEqual([100]);
    },
  );

  it('from before the oldest entry receives a gap and the rest', async () => {
    const { app, mesh } = await startMesh(['**'], { mesh: { maxEvents: 50 } });
    const client = await app.login();
    const { cursor } = await subscribe(client, ['a']);
    client.terminate();
    for (let n = 0; n < 51; n++) await mesh.emit('a', n);
    const again = await app.login();
    await subscribe(again, ['a'], { since: cursor });
    expect((await again.next()).type).toBe('gap');
    expect(dataOf(await again.take(50))).toEqual(numbers(1, 51));
  });

  it('from the cursor of a gap without later events receives no other gap', async () => {
    const { app, mesh } = await startMesh();
    await mesh.emit('b', 0);
    const client = await app.login();
    await subscribe(client, ['a'], { since: 'nonsense' });
    const { type, cursor } = await client.next();
    expect(type).toBe('gap');
    await mesh.emit('a', 1);
    const again = await app.login();
    await subscribe(again, ['a'], { since: cursor as string });
    expect(await again.next()).toMatchObject({ type: 'event', event: { data: 1 } });
  });

  it('from just before the oldest entry receives no gap', async () => {
    const { app, mesh } = await startMesh(['**'], { mesh: { maxEvents: 50 } });
    const client = await app.login();
    const { cursor } = await subscribe(client, ['a']);
    client.terminate();
    for (let n = 0; n < 50; n++) await mesh.emit('a', n);
    const again = await app.login();
    await subscribe(again, ['a'], { since: cursor });
    expect(dataOf(await again.take(50))).toEqual(numbers(0, 50));
  });

  it.each([
    ['', false as const],
    [' compressed messages', { threshold: 1_000 }],
  ])(
    'and reads%s slowly is not closed, and does not delay others',
    async (_, perMessageDeflate) => {
      const { app, mesh } = await startMesh(['**'], {
        connection: { ...UNLIMITED, maxBufferedBytes: 150_000, perMessageDeflate },
        mesh: { maxHistorySize: 1e8 },
      });
      const other = await app.login('other');
      const { cursor } = await subscribe(other, ['live']);
      const data = randomBytes(15_000).toString('base64');
      for (let n = 0; n < 1_500; n++) await mesh.emit('past', { n, data });
      const slow = await app.login('slow');
      slow.socket.pause();
      slow.sendJson({ type: 'subscribe', patterns: ['**'], since: cursor });
      const { counters } = app.nest.get(ConnectionManager).list().at(-1)!;
      await eventually(() => counters.sent > 10);
      await pause(100);
      expect(counters.sent).toBeLessThan(1_400);

      for (let n = 0; n < 20; n++) await mesh.emit('live', n);
      expect(dataOf(await other.take(20))).toEqual(numbers(0, 20));

      slow.socket.resume();
      const events = (await slow.take(1_521)).filter(isEvent);
      expect(
        events.slice(0, 1_500).map(({ event }) => ((event as Json).data as Json).n as number),
      ).toEqual(numbers(0, 1_500));
      expect(dataOf(events.slice(1_500))).toEqual(numbers(0, 20));
      await mesh.emit('live', 'now');
      expect(dataOf([await slow.next()])).toEqual(['now']);
      expect(mesh.stats().subscriptions).toBe(2);
    },
  );

  it('while history overflows receives each gap, and the rest in order', async () => {
    const { app, mesh } = await startMesh(['**'], {
      connection: UNLIMITED,
      mesh: { maxEvents: 200 },
    });
    const data = 'x'.repeat(50_000);
    const first = await app.login('first');
    const { cursor } = await subscribe(first, ['none']);
    for (let n = 0; n < 200; n++) await mesh.emit('a', { n, data });
    const slow = await app.login('slow');
    slow.socket.pause();
    slow.sendJson({ type: 'subscribe', patterns: ['a'], since: cursor });
    const { counters } = app.nest.get(ConnectionManager).list().at(-1)!;
    await eventually(() => counters.sent > 10);
    for (let n = 200; n < 600; n++) await mesh.emit('a', { n, data });
    slow.socket.resume();
    const frames: Json[] = [];
    do frames.push(await slow.next());
    while ((frames.at(-1)!.event as Json | undefined)?.data.n !== 599);
    let last = -1;
    for (const [at, frame] of frames.entries()) {
      if (!isEvent(frame)) continue;
      const n = ((frame.event as Json).data as Json).n as number;
      expect(n).toBeGreaterThan(last);
      if (n !== last + 1) expect(frames[at - 1]?.type).toBe('gap');
      last = n;
    }
    expect(frames.some(({ type }) => type === 'gap')).toBe(true);
  });
});

describe('a live subscriber that does not read', () => {
  it('is closed with 4508, does not delay others, and resumes without loss', async () => {
    const { app, mesh } = await startMesh(['**'], {
      connection: { ...UNLIMITED, maxBufferedBytes: 200_000 },
      mesh: { maxHistorySize: 1e8 },
    });
    const data = 'x'.repeat(20_000);
    const [slow, other] = [await app.login('slow'), await app.login('other')];
    const { cursor } = await subscribe(slow, ['a']);
    await subscribe(other, ['a']);
    slow.socket.pause();
    for (let n = 0; n < 1_500; n++) {
      await mesh.emit('a', { n, data });
      if (n % 5 === 0) await new Promise(setImmediate);
    }
    const numberOf = ({ event }: Json) => ((event as Json).data as Json).n as number;
    expect((await other.take(1_500)).map(numberOf)).toEqual(numbers(0, 1_500));
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 4508, reason: 'SLOW_CONSUMER' });
    await eventually(() => mesh.stats().subscriptions === 1);
    const seen = slow.received.filter(isEvent);
    expect(seen.length).toBeLessThan(1_500);

    const again = await app.login('slow');
    await subscribe(again, ['a'], { since: seen.at(-1)?.cursor ?? cursor });
    const rest = await again.take(1_500 - seen.length);
    expect([...seen, ...rest].map(numberOf)).toEqual(numbers(0, 1_500));
  });
});

describe('a socket that closes', () => {
  it('at any moment leaves no subscription behind', async () => {
    const { app, mesh } = await startMesh(['**'], { connection: UNLIMITED });
    const first = await app.login('first');
    const { cursor } = await subscribe(first, ['x']);
    for (let n = 0; n < 300; n++) await mesh.emit('a', 'x'.repeat(2_000));
    const clients = await Promise.all(Array.from({ length: 40 }, (_, n) => app.login(`u${n}`)));
    await Promise.all(
      clients.map(async (client, n) => {
        client.sendJson({
          type: 'subscribe',
          patterns: ['**', 'a'],
          since: n % 2 ? cursor : undefined,
        });
        if (n % 4 === 0) client.socket.pause();
        for (let turns = 0; turns < n / 4; turns++) await new Promise(setImmediate);
        if (n % 3) client.terminate();
        else client.socket.close();
        await mesh.emit('a', n);
      }),
    );
    for (const client of clients) client.socket.resume();
    first.terminate();
    await eventually(() => mesh.stats().subscribers === 0);
    await mesh.emit('a', 1);
    expect(mesh.stats()).toMatchObject({ subscribers: 0, subscriptions: 0 });
  });
});
