import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Client } from '../../lib/index.js';
import { ConnectionManager, EventLog } from '../../lib/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { dataOf, startMesh, subscribe } from '../helpers/mesh-app.js';
import { tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

/** The inherited members of every object, which vary between Node versions. */
const UNPOLLUTED = Reflect.ownKeys(Object.prototype);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const UNLIMITED = { messageRate: 1e6, messageBurst: 1e6, maxStrikes: 1e6 };

const error = (code: string) => expect.objectContaining({ type: 'error', code }) as unknown;

/** Returns what a client has received so far: the reply to a ping follows it. */
async function sentTo(client: TestClient): Promise<Json[]> {
  client.sendJson({ type: 'ping' });
  const frames: Json[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame.type === 'pong') return frames;
    frames.push(frame);
  }
}

/** An authorizer that answers when the test says so. */
class GatedAuthorizer {
  readonly denied = new Set<string>();
  calls = 0;
  private waiting: (() => void)[] | undefined;

  readonly canSubscribe = async ({ user }: Client) => {
    this.calls++;
    const isAllowed = !!user?.roles?.includes('member') && !this.denied.has(String(user.id));
    const { waiting } = this;
    if (waiting) await new Promise<void>(resolve => waiting.push(resolve));
    return isAllowed;
  };

  hold() {
    this.waiting = [];
  }

  release() {
    for (const resolve of this.waiting?.splice(0) ?? []) resolve();
    this.waiting = undefined;
  }
}

const MEMBER = { roles: ['member'] };

async function member(app: Awaited<ReturnType<typeof startMesh>>['app'], user = 'bob') {
  const client = await app.connect();
  await client.authenticate(tokenFor(user, MEMBER));
  return client;
}

afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(UNPOLLUTED);
});

describe('a pattern that is not allowed', () => {
  it.each([
    '**',
    '*',
    '*.click',
    '**.click',
    'uix',
    'uix.**',
    'u',
    'UI.click',
    '**.ui',
    '*.**',
    'system.**',
    '__proto__',
    'u\u200bi.click',
    'ｕｉ.click',
    ' ui.click',
    'ui/click',
  ])('%j is FORBIDDEN, and delivers nothing', async pattern => {
    const { app, mesh } = await startMesh(['ui.**']);
    const client = await app.login();
    expect(await subscribe(client, [pattern])).toEqual(error('FORBIDDEN'));
    for (const type of ['ui.click', 'uix', 'uix.click', 'click', 'system.key', 'u', 'ui'])
      await mesh.emit(type, 1);
    expect(await sentTo(client)).toEqual([]);
    expect(mesh.stats().subscriptions).toBe(0);
  });

  it('rejects the other patterns of its frame, too', async () => {
    const { app, mesh } = await startMesh(['ui.**']);
    const client = await app.login();
    expect(await subscribe(client, ['ui.click', '**'], { id: 'a' })).toMatchObject({
      code: 'FORBIDDEN',
      id: 'a',
    });
    await mesh.emit('ui.click', 1);
    expect(await sentTo(client)).toEqual([]);
  });

  it('is rejected even if it matches an allowed one', async () => {
    const { app, mesh } = await startMesh(['ui.*', 'chat.room.*.said']);
    const client = await app.login();
    for (const pattern of ['ui.**', 'ui.*.*', 'chat.room.**', 'chat.room.**.said', 'chat.*.*.said'])
      expect(await subscribe(client, [pattern])).toEqual(error('FORBIDDEN'));
    expect((await subscribe(client, ['ui.*'])).type).toBe('subscribed');
    await mesh.emit('ui.a.b', 1);
    await mesh.emit('ui', 2);
    expect(await sentTo(client)).toEqual([]);
  });

  it('is every pattern if none is allowed, and no broadcast key is sent', async () => {
    const { app } = await startMesh([]);
    const client = await app.connect();
    const { signing } = await client.authenticate(tokenFor('bob'));
    expect(signing).not.toHaveProperty('broadcast');
    for (const pattern of ['**', '*', 'ui', 'x'])
      expect(await subscribe(client, [pattern])).toEqual(error('FORBIDDEN'));
  });
});

describe('invalid patterns', () => {
  const bad: unknown[] = [
    undefined,
    null,
    'ui.*',
    {},
    { length: 1, 0: 'ui.*' },
    7,
    true,
    [],
    [''],
    ['.'],
    ['..'],
    ['ui.'],
    ['.ui'],
    ['ui..click'],
    ['ui.***'],
    ['ui.cl*ck'],
    // What no type can be, and what would be two lines in an application's log.
    ['ui.click\nERROR all is lost'],
    ['ui.\u0000'],
    ['ui.\ud800'],
    ['***'],
    [7],
    [null],
    [true],
    [{}],
    [[]],
    [['ui.*']],
    ['ui.*', 7],
    ['x'.repeat(257)],
    ['x'.repeat(60_000)],
    [`ui.${'*.'.repeat(20_000)}x`],
    ['**.'.repeat(20_000)],
  ];

  it('are BAD_FRAME, and the connection stays open without a subscription', async () => {
    const { app, mesh } = await startMesh();
    const client = await app.login();
    for (const patterns of bad) {
      for (const type of ['subscribe', 'unsubscribe']) {
        client.sendJson({ type, patterns, id: 'x' });
        const { code, id } = await client.next();
        expect([patterns, code, id]).toEqual([patterns, 'BAD_FRAME', 'x']);
      }
    }
    expect(mesh.stats()).toMatchObject({ subscriptions: 0, subscribers: 0 });
  });

  it.each([
    { since: 7 },
    { since: null },
    { since: {} },
    { since: '1'.repeat(65) },
    { signatures: 'none' },
    { signatures: null },
    { signatures: ['v1e'] },
    { signatures: '' },
  ])('and requests with %j are BAD_FRAME', async members => {
    const { app } = await startMesh();
    const client = await app.login();
    expect(await subscribe(client, ['ui'], members)).toEqual(error('BAD_FRAME'));
  });

  it.each([7, null, {}, '', 'x'.repeat(257), 'a\nb', '\ud800'])(
    'and an id of %j is not echoed',
    async id => {
      const { app } = await startMesh();
      const client = await app.login();
      expect(await subscribe(client, ['ui'], { id })).not.toHaveProperty('id');
    },
  );
});

describe('a large number of patterns', () => {
  it('is rejected beyond maxPatterns, in one frame or many, with duplicates counted once', async () => {
    const { app, mesh } = await startMesh(['**'], {
      mesh: { maxPatterns: 3 },
      connection: { maxMessageSize: 1e6 },
    });
    const client = await app.login();
    const many = Array.from({ length: 10_000 }, (_, at) => `ui.${at}`);
    expect(await subscribe(client, many)).toEqual(error('FORBIDDEN'));
    expect((await subscribe(client, ['a', 'a', 'a'])).patterns).toEqual(['a']);
    expect((await subscribe(client, ['a', 'b', 'c'])).type).toBe('subscribed');
    expect(await subscribe(client, ['d'])).toEqual(error('FORBIDDEN'));
    expect(await subscribe(client, ['d'], { since: '0-0' })).toEqual(error('FORBIDDEN'));
    client.sendJson({ type: 'unsubscribe', patterns: ['b', 'nobody.has'] });
    expect((await client.next()).type).toBe('unsubscribed');
    expect((await subscribe(client, ['d'])).type).toBe('subscribed');
    expect(mesh.stats().subscriptions).toBe(3);
  });

  it('designed to match slowly does not', async () => {
    const { app, mesh } = await startMesh(['chat.**']);
    const clients = await Promise.all(Array.from({ length: 20 }, () => app.login()));
    for (const [c, client] of clients.entries()) {
      const patterns = Array.from({ length: 32 }, (_, p) => {
        const stars = new Set([p, p + c + 3, 2 * p + c + 9].map(at => at % 14));
        const segments = Array.from({ length: 14 }, (__, at) => (stars.has(at) ? '*' : '**'));
        return ['chat', ...segments, 'x'].join('.');
      });
      expect((await subscribe(client, patterns)).type).toBe('subscribed');
    }
    const times: number[] = [];
    for (let round = 0; round < 10; round++) {
      const before = process.cpuUsage();
      for (let n = 0; n < 5; n++) await mesh.emit('chat.a.b.c', n);
      times.push(process.cpuUsage(before).user / 5_000);
    }
    // Measures the search alone, which took 10 ms when patterns were stored as written.
    expect(Math.min(...times)).toBeLessThan(3);
  });

  it('may include names of object members', async () => {
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'ui.__proto__.x',
      '🎉.ü',
    ];
    const { app, mesh } = await startMesh();
    const client = await app.login();
    expect((await subscribe(client, names)).patterns).toEqual(names);
    for (const type of ['x', 'prototype', 'valueOf', 'ui.prototype.x', ...names])
      await mesh.emit(type, type);
    expect(dataOf(await sentTo(client))).toEqual(names);
  });
});

describe('a client whose rights are withdrawn', () => {
  it('by a renewed token receives unsubscribed, and no further events', async () => {
    const { app, mesh } = await startMesh([], {
      mesh: { allow: ({ roles }) => (roles?.includes('member') ? ['**'] : ['news']) },
    });
    const client = await member(app);
    await subscribe(client, ['news', 'secret.*', '**']);
    await mesh.emit('secret.a', 1);
    expect(await client.next()).toMatchObject({ event: { data: 1 } });

    expect((await client.authenticate(tokenFor('bob'))).type).toBe('auth_success');
    await mesh.emit('secret.a', 2);
    await mesh.emit('news', 3);

    const [unsubscribed, ...events] = await sentTo(client);
    expect(unsubscribed).toEqual({ type: 'unsubscribed', patterns: ['secret.*', '**'] });
    expect(dataOf(events)).toEqual([3]);
    expect(await subscribe(client, ['secret.*'])).toEqual(error('FORBIDDEN'));
  });

  it('by reauthorize receives nothing after that has resolved, however slow the authorizer is', async () => {
    const authorizer = new GatedAuthorizer();
    const { app, mesh } = await startMesh(authorizer.canSubscribe);
    const [bob, carol] = [await member(app), await member(app, 'carol')];
    await subscribe(bob, ['secret.*']);
    await subscribe(carol, ['secret.*']);

    authorizer.denied.add('bob');
    authorizer.hold();
    const done = mesh.reauthorize('bob');
    await pause(20);
    authorizer.release();
    await done;
    await mesh.emit('secret.a', 1);

    expect(await sentTo(bob)).toEqual([{ type: 'unsubscribed', patterns: ['secret.*'] }]);
    expect(dataOf(await sentTo(carol))).toEqual([1]);
    expect(mesh.stats()).toMatchObject({ subscriptions: 1, subscribers: 1 });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('x');
      },
    ],
    ['rejects', () => Promise.reject(new Error('x'))],
    ['hangs', () => new Promise(() => undefined)],
  ])('gets UNAVAILABLE from an authorizer that %s, and nothing new', async (_how, answer) => {
    const broken: { by?: () => unknown } = {};
    const { app, mesh } = await startMesh(() => (broken.by ? broken.by() : true), {
      auth: { jwt: { secret: 'jwt-secret-jwt-secret-jwt-secret-jwt!' }, timeout: 1_000 },
    });
    const client = await app.login();
    await subscribe(client, ['a']);
    broken.by = answer;
    expect(await subscribe(client, ['b'])).toEqual(error('UNAVAILABLE'));
    await mesh.reauthorize('alice');
    await mesh.emit('a', 1);
    expect(await client.next()).toEqual(error('UNAVAILABLE'));
    expect(await client.closed).toEqual({ code: 1013, reason: 'UNAVAILABLE' });
  });

  it.each([
    ['answers 1', () => 1],
    ['answers "true"', () => 'true'],
    ['answers {}', () => ({})],
    ['resolves to 1', () => Promise.resolve(1)],
    ['resolves to undefined', () => Promise.resolve(undefined)],
    ['returns undefined', () => undefined],
  ])('is unsubscribed by an authorizer that %s, and gets nothing new', async (_how, answer) => {
    const broken: { by?: () => unknown } = {};
    const { app, mesh } = await startMesh(() => (broken.by ? broken.by() : true), {
      auth: { jwt: { secret: 'jwt-secret-jwt-secret-jwt-secret-jwt!' }, timeout: 1_000 },
    });
    const client = await app.login();
    await subscribe(client, ['a']);
    broken.by = answer;
    expect(await subscribe(client, ['b'])).toEqual(error('FORBIDDEN'));
    await mesh.reauthorize('alice');
    expect(await client.next()).toEqual({ type: 'unsubscribed', patterns: ['a'] });
    await mesh.emit('a', 1);
    expect(await sentTo(client)).toEqual([]);
  });

  it.each(['renewal', 'reauthorize'])(
    'by a %s gains nothing from a request in progress',
    async how => {
      const authorizer = new GatedAuthorizer();
      const { app, mesh } = await startMesh(authorizer.canSubscribe);
      const client = await member(app);
      authorizer.hold();
      client.sendJson({ type: 'subscribe', patterns: ['secret.*'] });
      await eventually(() => authorizer.calls === 1);

      if (how === 'renewal') await client.authenticate(tokenFor('bob'));
      else {
        authorizer.denied.add('bob');
        await mesh.reauthorize('bob');
      }
      authorizer.release();

      expect(await client.next()).toEqual(error('FORBIDDEN'));
      await mesh.emit('secret.a', 1);
      expect(await sentTo(client)).toEqual([]);
      expect(mesh.stats().subscriptions).toBe(0);
    },
  );

  it('gets its answer once its rights have stopped changing', async () => {
    const authorizer = new GatedAuthorizer();
    const { app, mesh } = await startMesh(authorizer.canSubscribe);
    const client = await member(app);
    authorizer.hold();
    client.sendJson({ type: 'subscribe', patterns: ['secret.*'] });
    await eventually(() => authorizer.calls === 1);
    await client.authenticate(tokenFor('bob', MEMBER));
    authorizer.release();
    expect((await client.next()).type).toBe('subscribed');
    expect(authorizer.calls).toBe(2);
    await mesh.emit('secret.a', 1);
    expect(dataOf(await sentTo(client))).toEqual([1]);
  });
});

describe('an unauthenticated client', () => {
  it.each(['subscribe', 'unsubscribe'])('is closed for a %s frame', async type => {
    const { app, mesh } = await startMesh();
    const client = await app.connect();
    client.sendJson({ type, patterns: ['**'], since: '0-0' });
    expect(await client.next()).toEqual(error('UNAUTHENTICATED'));
    expect(await client.closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' });
    expect(mesh.stats()).toMatchObject({ subscribers: 0, position: undefined });
  });
});

describe('a flood of subscribe frames', () => {
  it('is queued up to a limit while the authorizer is slow; the rest is RATE_LIMITED', async () => {
    const authorizer = new GatedAuthorizer();
    const { app, mesh } = await startMesh(authorizer.canSubscribe, { connection: UNLIMITED });
    const client = await member(app);
    authorizer.hold();
    for (let n = 0; n < 200; n++)
      client.sendJson({ type: 'subscribe', patterns: ['a'], id: `${n}` });
    const refused = await client.take(136);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['RATE_LIMITED']));
    expect(refused[0]?.id).toBe('64');
    expect(authorizer.calls).toBe(1);
    authorizer.release();
    expect((await client.take(64)).map(({ id }) => id)).toEqual(
      Array.from({ length: 64 }, (_, n) => `${n}`),
    );
    expect(mesh.stats().subscriptions).toBe(1);
  });

  it('is rejected on arrival if malformed, even while earlier frames wait', async () => {
    const authorizer = new GatedAuthorizer();
    const { app } = await startMesh(authorizer.canSubscribe, { connection: UNLIMITED });
    const client = await member(app);
    authorizer.hold();
    client.sendJson({ type: 'subscribe', patterns: ['a'], id: 'first' });
    const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    for (let n = 0; n < 10; n++) client.socket.send(`{"type":"subscribe","patterns":${nested}}`);
    client.sendJson({ type: 'unsubscribe', patterns: 'a', id: 'wrong' });
    const refused = await client.take(11);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['BAD_FRAME']));
    expect(refused.at(-1)?.id).toBe('wrong');
    authorizer.release();
    expect(await client.next()).toMatchObject({ type: 'subscribed', id: 'first' });
  });

  it('is queued up to a number of bytes per connection, and per user over all connections', async () => {
    const authorizer = new GatedAuthorizer();
    const { app } = await startMesh(authorizer.canSubscribe, { connection: UNLIMITED });
    const patterns = Array.from({ length: 32 }, (_, n) => `a${n}`.padEnd(256, 'x'));
    const flood = (client: TestClient) => {
      for (let n = 0; n < 20; n++) client.sendJson({ type: 'subscribe', patterns, id: `${n}` });
      client.sendJson({ type: 'ping' });
    };
    const refusedOf = async (client: TestClient) => {
      let refused = 0;
      for (;;) {
        const frame = await client.next();
        if (frame.type === 'pong') return refused;
        expect(frame).toMatchObject({ type: 'error', code: 'RATE_LIMITED' });
        refused++;
      }
    };
    const clients = [];
    for (let n = 0; n < 12; n++) clients.push(await member(app));
    authorizer.hold();
    const refused = [];
    for (const client of clients) {
      flood(client);
      refused.push(await refusedOf(client));
    }
    // 18 kB per frame: 128 kB for one connection, 1 MiB for all connections of the user.
    expect(refused[0]).toBe(13);
    expect(refused.at(-1)).toBe(20);
    const kept = refused.reduce((sum, count) => sum + 20 - count, 0);
    expect(kept).toBe(Math.floor(1_048_576 / (512 + 32 * 544)));
    authorizer.release();
    expect((await clients[0]!.take(7)).map(({ type }) => type)).toEqual(
      Array.from({ length: 7 }, () => 'subscribed'),
    );
  });

  it('does not include one that subscribes and unsubscribes all its patterns in turn', async () => {
    const authorizer = new GatedAuthorizer();
    const { app, mesh } = await startMesh(authorizer.canSubscribe);
    const client = await member(app);
    authorizer.hold();
    for (const type of ['subscribe', 'unsubscribe'])
      for (let n = 0; n < 32; n++) client.sendJson({ type, patterns: [`a.${n}`] });
    await eventually(() => authorizer.calls > 0);
    authorizer.release();
    const answers = (await client.take(64)).map(({ type }) => type as string);
    expect(new Set(answers)).toEqual(new Set(['subscribed', 'unsubscribed']));
    expect(mesh.stats().subscriptions).toBe(0);
  });

  it('closes with 4429 if it continues, and leaves nothing behind', async () => {
    const authorizer = new GatedAuthorizer();
    const { app, mesh } = await startMesh(authorizer.canSubscribe, {
      connection: { ...UNLIMITED, maxStrikes: 20 },
    });
    const client = await member(app);
    authorizer.hold();
    for (let n = 0; n < 200; n++) client.sendJson({ type: 'subscribe', patterns: ['a'] });
    expect((await client.closed).code).toBe(4429);
    authorizer.release();
    await pause(20);
    expect(mesh.stats()).toMatchObject({ subscribers: 0, subscriptions: 0 });
  });

  it('that requests history repeatedly on several connections reads about one page per turn', async () => {
    const { app, mesh } = await startMesh(['**'], { connection: UNLIMITED });
    for (let n = 0; n < 320; n++) await mesh.emit('chat.a', n);
    const log = app.nest.get(EventLog);
    const read = log.read.bind(log);
    let turn = 0;
    const turns: number[] = [];
    log.read = (...args) => {
      turns.push(turn);
      return read(...args);
    };
    let isCounting = true;
    const count = () => {
      turn++;
      if (isCounting) setImmediate(count);
    };
    count();
    const clients = [await app.login('a'), await app.login('b')];
    for (const client of clients)
      for (let n = 0; n < 10; n++)
        client.sendJson({ type: 'subscribe', patterns: [`n.${n}`, 'chat.*'], since: '0-0' });
    await eventually(() => turns.length >= 2 * 10 * 10);
    isCounting = false;
    expect(new Set(turns).size).toBeGreaterThan(turns.length / 2);
  });

  it('that requests history repeatedly without reading it uses bounded memory', async () => {
    const { app, mesh } = await startMesh(['**'], {
      connection: UNLIMITED,
      mesh: { maxHistorySize: 1e8 },
    });
    const data = 'x'.repeat(20_000);
    const first = await app.login();
    const { cursor } = await subscribe(first, ['other']);
    for (let n = 0; n < 1_500; n++) await mesh.emit('chat.a', data);
    const slow = await app.login('slow');
    const server = app.nest.get(ConnectionManager).list().at(-1);
    slow.socket.pause();
    collect();
    const before = process.memoryUsage();
    for (let n = 0; n < 100; n++)
      slow.sendJson({ type: 'subscribe', patterns: [`chat.**`, `p${n % 16}`], since: cursor });
    await eventually(() => (server?.counters.received ?? 0) > 100);
    // Until nothing more is sent.
    let sent = -1;
    while (sent !== server?.counters.sent) {
      sent = server?.counters.sent ?? Infinity;
      expect(sent * data.length).toBeLessThan(20_000_000);
      await pause(200);
    }
    collect();
    const after = process.memoryUsage();
    // The buffers of the kernel for both ends, and a page of the log.
    expect(after.external - before.external).toBeLessThan(20_000_000);

    await mesh.emit('other', 'live');
    expect(dataOf([await first.next()])).toEqual(['live']);
    slow.terminate();
    await eventually(() => mesh.stats().subscribers === 1);
    expect(mesh.stats().subscriptions).toBe(1);
  });
});

describe('an event that a client publishes through a handler', () => {
  it('reaches others with a nonce and signature of the server', async () => {
    const { app } = await startMesh(['chat.**']);
    const [alice, bob] = [await app.login('alice'), await app.login('bob')];
    await subscribe(bob, ['chat.*']);
    const sent = alice.emit('chat.message', 'hi');
    const { event } = await bob.next();
    expect(event).toMatchObject({ id: sent.id, source: sent.source, data: 'hi' });
    expect(event.semanticnonce).not.toBe(sent.semanticnonce);
    expect(event.semanticsignature).not.toBe(sent.semanticsignature);
    expect(bob.verifies(event as Json)).toBe(true);
    // A frame for one client is invalid for another and at the server.
    expect(alice.verifies(event as Json)).toBe(false);
    bob.sendJson({ type: 'event', event });
    expect(await bob.next()).toEqual(error('INVALID_SIGNATURE'));
  });

  it('does not reach others without a handler that publishes it', async () => {
    const { app, mesh } = await startMesh();
    const [alice, bob] = [await app.login('alice'), await app.login('bob')];
    await subscribe(bob, ['**']);
    alice.emit('chat.other', 'hi');
    expect(await alice.next()).toEqual(error('UNKNOWN_EVENT'));
    expect(await sentTo(bob)).toEqual([]);
    expect(mesh.stats().published).toBe(0);
  });
});
