import { jest } from '@jest/globals';
import { Test } from '@nestjs/testing';
import {
  EventLog,
  EventMesh,
  type NewEntry,
  type SemanticEvent,
  type SemanticEventInit,
  SemanticEventsConfigError,
  SemanticEventsModule,
  type SemanticEventsOptions,
} from '../../../lib/index.js';
import { pause } from '../../helpers/eventually.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { JWT_SECRET, RING_KEY } from '../../helpers/test-app.js';
import { clientAt } from '../../helpers/ws-context.js';

let lines: LogLine[];
let close: () => Promise<void>;

beforeEach(() => {
  lines = captureLog();
});
afterEach(async () => {
  await close();
});

async function meshOf(
  options: Partial<SemanticEventsOptions> = {},
  log?: Partial<EventLog>,
): Promise<EventMesh> {
  const module = await Test.createTestingModule({
    imports: [
      SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY], source: 'urn:me' },
        auth: { jwt: { secret: JWT_SECRET } },
        ...options,
        providers: log ? [{ provide: EventLog, useValue: log }] : [],
      }),
    ],
  }).compile();
  module.useLogger(false);
  lines = captureLog();
  close = () => module.close();
  await module.init();
  return module.get(EventMesh);
}

const collect = (mesh: EventMesh, patterns: string | string[]) => {
  const events: SemanticEvent[] = [];
  const end = mesh.subscribe(patterns, event => events.push(event));
  return { events, end };
};

describe('EventMesh.publish', () => {
  it('fills in missing attributes, sets a new nonce and removes a foreign signature', async () => {
    const mesh = await meshOf();
    const { events } = collect(mesh, '**');
    const init = {
      type: 'a.b',
      source: 'urn:x',
      data: 1,
      semanticnonce: 'nonce-nonce-nonce',
      semanticsignature: 'v1.main.forged',
      semanticcorrelationid: 'a-request-of-a-client',
    };
    const published = await mesh.publish(init);
    expect(published).toMatchObject({ specversion: '1.0', type: 'a.b', source: 'urn:x', data: 1 });
    expect(published.id).toMatch(/^[\da-f-]{36}$/);
    expect(Date.parse(published.time ?? '')).toBeGreaterThan(Date.now() - 10_000);
    expect(published.semanticnonce).toMatch(/^[\da-f-]{36}$/);
    expect(published).not.toHaveProperty('semanticsignature');
    expect(published).not.toHaveProperty('semanticcorrelationid');
    expect(events).toEqual([published]);
    expect(init.semanticnonce).toBe('nonce-nonce-nonce');
  });

  it('does not call handlers with an event of one user', async () => {
    const mesh = await meshOf();
    const { events } = collect(mesh, '**');
    mesh.entry({ channel: 'u:alice', type: 'a', cursor: '000000.1-0', text: '{"type":"a"}' });
    expect([events, mesh.stats().received]).toEqual([[], 0]);
  });

  it('names the method that the application called with an invalid event', async () => {
    const mesh = await meshOf();
    await expect(mesh.publish({ type: '', source: 'x' })).rejects.toThrow('EventMesh.publish');
    await expect(mesh.emit('', 1)).rejects.toThrow('EventMesh.emit:');
    await expect(mesh.emitTo({ user: 'alice' }, '', 1)).rejects.toThrow('EventMesh.emitTo');
  });

  it('publishes a frozen copy that neither the publisher nor a handler can change', async () => {
    const mesh = await meshOf();
    const data = { list: [{ n: 1 }] };
    const seen: unknown[] = [];
    mesh.subscribe<typeof data>(
      'a',
      event => {
        expect(Object.isFrozen(event) && Object.isFrozen(event.data?.list[0])).toBe(true);
        expect(() => (event.data as typeof data).list.push({ n: 2 })).toThrow(TypeError);
      },
      { priority: 1 },
    );
    mesh.subscribe('a', async event => {
      await pause(5);
      seen.push(event.data);
    });
    const publishing = mesh.emit('a', data);
    data.list.push({ n: 3 });
    const published = await publishing;
    published.type = 'changed';
    await pause(20);
    expect(seen).toEqual([{ list: [{ n: 1 }] }]);
    expect((await mesh.replay('a')).events[0]?.event.data).toEqual({ list: [{ n: 1 }] });
    expect(mesh.stats().failed).toBe(0);
  });

  it.each<[string, Partial<SemanticEventInit>]>([
    ['an empty type', { type: '' }],
    ['an empty source', { source: '' }],
    ['a time that is none', { time: 'now' }],
    ['an extension no attribute can be', { other: { a: 1 } }],
    ['a name no attribute can have', { 'Not-Allowed': 1 }],
    ['an attribute too long', { subject: 'x'.repeat(2_049) }],
    ['data too deep', { data: JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown }],
    ['a member that would be a prototype', { data: JSON.parse('{"__proto__":1}') as unknown }],
  ])('rejects %s and delivers nothing', async (_what, init) => {
    const mesh = await meshOf();
    const { events } = collect(mesh, '**');
    await expect(mesh.publish({ type: 'a', source: 's', ...init })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(events).toEqual([]);
    expect(mesh.stats()).toMatchObject({ published: 0, received: 0 });
  });

  it.each([[1n], [() => 1], [NaN], ['\ud800'], [[undefined]]])(
    'rejects data without a JSON form: %p',
    async data => {
      const mesh = await meshOf();
      await expect(mesh.emit('a', data)).rejects.toThrow(TypeError);
    },
  );

  it('throws UNAVAILABLE if the log fails, and logs neither the event nor the error message', async () => {
    const mesh = await meshOf(
      {},
      {
        append: () => {
          throw new Error('secret');
        },
        follow: () => '0-0',
      },
    );
    await expect(mesh.emit('a', 'canary')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(lines.map(({ text }) => text).join()).not.toMatch(/secret|canary/);
    expect(mesh.stats().published).toBe(0);
  });

  it('uses a given source and time', async () => {
    const mesh = await meshOf();
    expect((await mesh.emit('a', 1)).source).toBe('urn:me');
    const said = { source: 'urn:you', id: 'i', time: '2026-01-01T00:00:00Z', subject: 's' };
    expect(await mesh.emit('a', 1, said)).toMatchObject(said);
  });
});

describe('an event for an audience', () => {
  const appended = async () => {
    const entries: NewEntry[] = [];
    const mesh = await meshOf(
      {},
      {
        isPrivate: true,
        append: entry => {
          entries.push(entry);
          return '1-1';
        },
      },
    );
    return { mesh, entries };
  };
  const shown = ({ channel, text }: NewEntry) => [
    channel,
    (JSON.parse(text) as SemanticEvent).semanticaudience,
  ];

  it('goes to the channel of that audience only, by publish and by emitTo', async () => {
    const { mesh, entries } = await appended();
    const forged = { type: 'a', source: 'urn:x', semanticaudience: 'user' };
    await mesh.publish(forged, { user: 7 });
    await mesh.publish(forged, { room: 'lobby' });
    await mesh.publish(forged);
    await mesh.emitTo({ session: 's' }, 'a', 1);
    await mesh.emit('a', 1);
    expect(entries.map(shown)).toEqual([
      ['u:7', 'user'],
      ['r:lobby', 'room/lobby'],
      ['', undefined],
      ['s:s', 'session'],
      ['', undefined],
    ]);
  });

  it.each([undefined, null, {}, { user: '' }, { user: 'a', room: 'b' }])(
    'becomes public for no invalid audience: %j',
    async audience => {
      const { mesh, entries } = await appended();
      await expect(mesh.emitTo(audience as never, 'a', 1)).rejects.toThrow('audience');
      if (audience !== undefined)
        await expect(
          mesh.publish({ type: 'a', source: 'urn:x' }, audience as never),
        ).rejects.toThrow('audience');
      expect([entries, mesh.stats().published]).toEqual([[], 0]);
    },
  );

  it('reaches no handler of the mesh', async () => {
    const mesh = await meshOf();
    const { events } = collect(mesh, '**');
    await mesh.emitTo({ user: 'alice' }, 'a', 1);
    await mesh.emit('a', 2);
    expect(events.map(({ data }) => data)).toEqual([2]);
    expect(mesh.stats()).toMatchObject({ published: 2, received: 1 });
  });
});

describe('messages between nodes', () => {
  const hubOf = (mesh: EventMesh) => jest.spyOn(mesh['hub'], 'reauthorize').mockResolvedValue();
  const notice = (content: object) => ({
    cursor: '1-1',
    channel: '',
    type: '',
    text: JSON.stringify(content),
  });

  it('authorize the clients of a user again on every node, on this one without its own notice', async () => {
    const mesh = await meshOf();
    const { events } = collect(mesh, '**');
    const reauthorize = hubOf(mesh);
    const withdraw = jest.spyOn(mesh['hub'], 'withdraw');
    await mesh.reauthorize(7);
    expect([withdraw.mock.calls, reauthorize.mock.calls]).toEqual([[['7']], [['7']]]);
    mesh.entry(notice({ reauthorize: 'bob', node: 'other' }));
    mesh.entry(notice({ reauthorize: 'carol' }));
    mesh.entry(notice({ node: 'other' }));
    expect(reauthorize.mock.calls).toEqual([['7'], ['bob'], ['carol']]);
    expect([events, mesh.stats().received]).toEqual([[], 0]);
  });

  it('that are lost are counted and logged, and waiting events are claimed', async () => {
    const mesh = await meshOf();
    const wake = jest.spyOn(mesh['handlers'], 'wake');
    mesh.gap();
    expect([mesh.stats().gaps, wake.mock.calls.length]).toEqual([1, 1]);
    expect(lines.at(-1)).toMatchObject({
      level: 'warn',
      text: 'Events of other nodes were lost on their way to this one',
    });
  });
});

describe('rooms of the mesh', () => {
  it('have members, and tell those who is present if their name matches mesh.presence', async () => {
    const mesh = await meshOf({ mesh: { presence: ['lobby.*'] } });
    const told: unknown[] = [];
    jest.spyOn(mesh, 'emitTo').mockImplementation((...given) => {
      told.push(given);
      return Promise.resolve({} as never);
    });
    const store = mesh['rooms'];
    for (const room of ['lobby.a', 'other']) {
      await store.enter(room, 'c-1', 'alice');
      await store.enter(room, 'c-2', 'alice');
    }
    expect(await mesh.count('lobby.a')).toEqual({ users: 1, connections: 2 });
    expect(await mesh.members('lobby.a')).toEqual([{ user: 'alice', connections: 2 }]);
    await store.enter('lobby.a', 'c-3', 'bob');
    expect(await mesh.members('lobby.a', 1)).toHaveLength(1);
    for (const client of ['c-1', 'c-2']) await store.exit('lobby.a', client);
    await pause(0);
    const to = { room: 'lobby.a' };
    expect(told).toEqual([
      [to, 'presence.joined', { ...to, user: 'alice' }],
      [to, 'presence.joined', { ...to, user: 'bob' }],
      [to, 'presence.left', { ...to, user: 'alice' }],
    ]);
  });

  it('have a valid name, and a limit of members that is a number', async () => {
    const mesh = await meshOf();
    for (const call of [() => mesh.count(''), () => mesh.members('')])
      await expect(call()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(mesh.members('a', 0)).rejects.toBeInstanceOf(SemanticEventsConfigError);
  });

  it('refuse a client by a call that names itself', async () => {
    const mesh = await meshOf();
    await expect(mesh.join(clientAt('192.0.2.1', 'alice'), 'a')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'EventMesh.join: the application has no EventAuthorizer with canJoin',
    });
    const leave = jest.spyOn(mesh['hub'].rooms, 'leave');
    const client = clientAt('192.0.2.1');
    mesh.leave(client, 'a');
    expect(leave).toHaveBeenCalledWith(client, 'a');
  });
});

describe('EventMesh.subscribe', () => {
  it('delivers new events until it is ended, once for all its patterns', async () => {
    const mesh = await meshOf();
    await mesh.emit('a', 0);
    const { events, end } = collect(mesh, ['a', '*', '**', 'a']);
    await mesh.emit('a', 1);
    end();
    end();
    await mesh.emit('a', 2);
    expect(events.map(({ data }) => data)).toEqual([1]);
    expect(mesh.stats().handlers).toBe(0);
  });

  it('delivers from the next event on if called within a handler', async () => {
    const mesh = await meshOf();
    let calls = 0;
    const handler = () => {
      calls++;
      mesh.subscribe('a', handler);
    };
    mesh.subscribe('a', handler);
    await mesh.emit('a', 1);
    expect(calls).toBe(1);
    await mesh.emit('a', 2);
    expect(calls).toBe(3);
  });

  it('does not deliver an event after an earlier handler of it has unsubscribed', async () => {
    const mesh = await meshOf();
    const { events, end } = collect(mesh, 'a');
    mesh.subscribe('a', end, { priority: 1 });
    await mesh.emit('a', 1);
    expect(events).toEqual([]);
  });

  it('delivers to other handlers if one fails, counts the failure and logs it', async () => {
    const mesh = await meshOf();
    mesh.subscribe(
      'a',
      () => {
        throw new Error('boom');
      },
      { priority: 1, name: 'Broken.one' },
    );
    mesh.subscribe('a', () => Promise.reject(new Error('bang')));
    const { events } = collect(mesh, 'a');
    await mesh.emit('a', 1);
    await pause(5);
    expect(events).toHaveLength(1);
    expect(mesh.stats().failed).toBe(2);
    expect(lines.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Broken\.one failed: Error\n +at /),
        expect.stringMatching(/^Error: boom/),
        expect.stringMatching(/^Error: bang/),
      ]),
    );
  });

  it('does not let a failing handler flood the log', async () => {
    const mesh = await meshOf();
    mesh.subscribe('a', () => {
      throw new Error('boom');
    });
    for (let n = 0; n < 1_000; n++) await mesh.emit('a', n);
    expect(mesh.stats().failed).toBe(1_000);
    expect(lines.filter(({ level }) => level === 'error').length).toBeLessThan(100);
  });

  it('counts the events a slow handler misses, and logs that once', async () => {
    const mesh = await meshOf({ mesh: { maxWaiting: 2 }, connection: { shutdownTimeout: 1 } });
    mesh.subscribe('a', () => new Promise(() => undefined), { concurrency: 1 });
    for (let n = 0; n < 10; n++) await mesh.emit('a', n);
    expect(mesh.stats().missed).toBe(7);
    expect(lines.filter(({ text }) => text.includes('misses events'))).toHaveLength(1);
  });

  it.each([[''], [[]], [['a', 'b..c']]])(
    'rejects the pattern %j, and unknown options',
    async patterns => {
      const mesh = await meshOf();
      expect(() => mesh.subscribe(patterns, () => 1)).toThrow(SemanticEventsConfigError);
      expect(() => mesh.subscribe('a', () => 1, { retries: -1 })).toThrow(
        SemanticEventsConfigError,
      );
      expect(mesh.stats().handlers).toBe(0);
    },
  );
});

describe('EventMesh.observe', () => {
  it('delivers to each subscriber from its subscription until it unsubscribes', async () => {
    const mesh = await meshOf();
    const events = mesh.observe<number>(['a', 'b.*']);
    expect(mesh.stats().handlers).toBe(0);
    const [first, second]: [unknown[], unknown[]] = [[], []];
    const one = events.subscribe(({ data }) => first.push(data));
    await mesh.emit('a', 1);
    const two = events.subscribe(({ data }) => second.push(data));
    await mesh.emit('b.c', 2);
    one.unsubscribe();
    await mesh.emit('a', 3);
    two.unsubscribe();
    await mesh.emit('a', 4);
    expect([first, second]).toEqual([
      [1, 2],
      [2, 3],
    ]);
    expect(mesh.stats().handlers).toBe(0);
  });

  it('continues after a subscriber throws', async () => {
    const mesh = await meshOf();
    const seen: unknown[] = [];
    mesh.observe('a').subscribe(() => {
      throw new Error('boom');
    });
    mesh.observe('a').subscribe(({ data }) => seen.push(data));
    await mesh.emit('a', 1);
    await mesh.emit('a', 2);
    expect(seen).toEqual([1, 2]);
  });

  it('logs the error message of a subscriber on one line', async () => {
    const mesh = await meshOf();
    mesh.observe('a').subscribe(({ data }) => JSON.parse(data as string));
    await mesh.emit('a', '\n\u202eFAKE');
    expect(lines.at(-1)?.text.split('\n')[0]).toContain('\\u{a}\\u{202e}FAKE');
  });

  it('rejects an invalid pattern at once', async () => {
    const mesh = await meshOf();
    expect(() => mesh.observe('a..b')).toThrow(SemanticEventsConfigError);
  });
});

describe('EventMesh.replay', () => {
  it('pages through the history and leaves out events that do not match', async () => {
    const mesh = await meshOf();
    for (let n = 0; n < 25; n++) await mesh.emit(n % 2 ? 'a.x' : 'b', n);
    const found: unknown[] = [];
    let since: string | undefined;
    for (let pages = 1; ; pages++) {
      const { events, cursor, isEnd, hasGap } = await mesh.replay('a.*', since, 10);
      expect(hasGap).toBe(false);
      found.push(...events.map(({ event }) => event.data));
      since = cursor;
      if (!isEnd) continue;
      expect(pages).toBe(3);
      break;
    }
    expect(found).toEqual(Array.from({ length: 12 }, (_, n) => 2 * n + 1));
    expect(await mesh.replay('**', since)).toEqual({
      events: [],
      cursor: expect.any(String),
      hasGap: false,
      isEnd: true,
    });
  });

  it('does not follow the log, and does not return internal entries', async () => {
    const mesh = await meshOf();
    await mesh.reauthorize('bob');
    await mesh.emit('a', 1);
    expect((await mesh.replay('**')).events).toHaveLength(1);
    expect(mesh.stats().position).toBeUndefined();
  });

  it('continues from the position of stats(), which is opaque', async () => {
    const mesh = await meshOf();
    mesh.subscribe('a', () => undefined);
    await mesh.emit('a', 1);
    const { position } = mesh.stats();
    await mesh.emit('a', 2);
    expect(position).toMatch(/^[\w-]{59}$/);
    const { events, hasGap } = await mesh.replay('a', position);
    expect(events.map(({ event }) => event.data)).toEqual([2]);
    expect(hasGap).toBe(false);
  });

  it('reports a gap if history does not reach back far enough', async () => {
    const mesh = await meshOf({ mesh: { maxEvents: 5 } });
    const { cursor } = await mesh.replay('**');
    for (let n = 0; n < 6; n++) await mesh.emit('a', n);
    expect((await mesh.replay('**', cursor)).hasGap).toBe(true);
    expect((await mesh.replay('**', 'nonsense')).hasGap).toBe(true);
    expect((await mesh.replay('**')).events).toHaveLength(5);
  });

  it.each([[0], [-1], [1.5], [NaN], [Infinity]])(
    'rejects a limit of %p, and an invalid pattern',
    async limit => {
      const mesh = await meshOf();
      await expect(mesh.replay('a', undefined, limit)).rejects.toThrow(SemanticEventsConfigError);
      await expect(mesh.replay(['a', 7 as never])).rejects.toThrow(SemanticEventsConfigError);
    },
  );
});

describe('EventMesh in an application', () => {
  it('does not follow the log if it is not used', async () => {
    const mesh = await meshOf(
      {},
      {
        follow: () => {
          throw new Error('followed');
        },
      },
    );
    expect(mesh.stats()).toEqual({
      published: 0,
      received: 0,
      failed: 0,
      missed: 0,
      gaps: 0,
      handlers: 0,
      subscribers: 0,
      subscriptions: 0,
      position: undefined,
    });
  });

  it('waits for running handlers at shutdown, but not longer than shutdownTimeout', async () => {
    const mesh = await meshOf({ connection: { shutdownTimeout: 100 } });
    const ended: unknown[] = [];
    mesh.subscribe('fast', async () => {
      await pause(30);
      ended.push('fast');
    });
    await mesh.emit('fast', 1);
    await close();
    expect(ended).toEqual(['fast']);

    let signal: AbortSignal | undefined;
    const other = await meshOf({ connection: { shutdownTimeout: 100 } });
    other.subscribe('hanging', (_event, context) => {
      ({ signal } = context);
      return new Promise(() => undefined);
    });
    await other.emit('hanging', 1);
    const before = Date.now();
    await close();
    expect(Date.now() - before).toBeGreaterThanOrEqual(95);
    expect(signal?.aborted).toBe(true);
  });

  it('retries to follow the log, once for all handlers', async () => {
    let follows = 0;
    const mesh = await meshOf(
      {},
      {
        follow: () => {
          if (++follows < 2) throw new Error('down');
          return '1-0';
        },
      },
    );
    mesh.subscribe('a', () => 1);
    mesh.subscribe('b', () => 1);
    expect(follows).toBe(1);
    await pause(1_100);
    expect([follows, mesh.stats().position]).toEqual([2, expect.any(String)]);
  });
});
