import { jest } from '@jest/globals';
import type { EventFeed } from '../../../lib/mesh/event-feed.js';
import type { EventGroup, ClaimedEntry } from '../../../lib/mesh/event-group.js';
import type { EventHandler } from '../../../lib/mesh/event-listener.js';
import type { LogEntry } from '../../../lib/mesh/event-log.js';
import { MeshHandlers } from '../../../lib/mesh/mesh-handlers.js';
import { RefusalError, SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';

const RETRY = 1_000;

describe('MeshHandlers', () => {
  let log: LogLine[];
  let handlers: MeshHandlers;
  let published: unknown[];
  let opened: unknown[];
  let taken: ClaimedEntry[];
  let lost: number;
  let left: number;
  let starts: number;
  let isAway: boolean;
  /** The answers to requests to follow the log that do not answer at once. */
  let answers:
    { resolve: (position: string) => void; reject: (error: Error) => void }[] | undefined;
  /** What publishing a dead letter throws, one after the other. */
  let refusals: Error[];
  /** Whether the log has groups: one that it opens, none in one process, or no support for them. */
  let groups: 'shared' | 'single' | 'none';

  const start = (maxWaiting = 10) => {
    const group: EventGroup = {
      lease: 3_000,
      claim: limit => {
        const result = { entries: taken.splice(0, limit), lost };
        lost = 0;
        return result;
      },
      done: () => undefined,
      renew: () => undefined,
      leave: () => {
        left++;
      },
    };
    const feed = {
      position: undefined,
      get hasGroups() {
        return groups !== 'none';
      },
      start: () => {
        starts++;
        if (isAway) throw new Error('away');
        if (!answers) return 'position';
        return new Promise<string>((resolve, reject) => answers?.push({ resolve, reject }));
      },
      openGroup: (...given: unknown[]) => {
        opened.push(given);
        return groups === 'shared' ? group : null;
      },
      opened: (entry: ClaimedEntry) => entry,
      callLog: (call: () => unknown) => call(),
    };
    handlers = new MeshHandlers({
      feed: feed as unknown as EventFeed,
      limits: { maxWaiting, maxWaitingSize: 10_000 },
      telemetry: undefined,
      seal: cursor => `sealed ${cursor}`,
      publish: (type, data) => {
        const refusal = refusals.shift();
        if (refusal) return Promise.reject(refusal);
        published.push([type, data]);
        return Promise.resolve();
      },
    });
  };
  const entry = (type: string, id = '1'): LogEntry => ({
    channel: '',
    type,
    cursor: id,
    text: JSON.stringify({ type, id, data: { list: [{}] } }),
  });
  const settle = () => jest.advanceTimersByTimeAsync(0);
  const noop = () => undefined;

  beforeEach(() => {
    jest.useFakeTimers();
    log = captureLog();
    [published, opened, taken, lost, left, starts, isAway, groups] = [
      [],
      [],
      [],
      0,
      0,
      0,
      false,
      'shared',
    ];
    [answers, refusals] = [undefined, []];
    start();
  });
  afterEach(async () => {
    const closing = handlers.leaveGroups(0).then(() => handlers.close(0));
    await jest.advanceTimersByTimeAsync(1);
    await jest.advanceTimersByTimeAsync(1);
    await closing;
    jest.useRealTimers();
  });

  it.each([2, 3])('cannot send a dead letter in a circle of %i', length => {
    const add = (at: number, next = (at + 1) % length) =>
      handlers.add(`a${at}.**`, noop, {
        name: `${at}`,
        delivery: 'once',
        deadLetter: `a${next}.dead`,
      });
    for (let at = 0; at < length - 1; at++) add(at);
    expect(() => add(length - 1)).toThrow(
      `${length - 1}: deadLetter must not reach its own handler again through others`,
    );
    add(length - 1, length);
    expect(handlers.size).toBe(length);
  });

  it('call each handler whose patterns match, once, those with a higher priority first', () => {
    const calls: unknown[] = [];
    const add = (name: string, patterns: string | string[], priority?: number) =>
      handlers.add(patterns, ({ id }, { cursor }) => calls.push([name, id, cursor]), { priority });
    add('low', 'a.*', -1);
    add('default', ['a.*', '**', 'a.b']);
    add('high', 'a.b', 1);
    add('other', 'b');
    expect(handlers.size).toBe(4);
    handlers.handle(entry('a.b'));
    expect(calls).toEqual([
      ['high', '1', 'sealed 1'],
      ['default', '1', 'sealed 1'],
      ['low', '1', 'sealed 1'],
    ]);
  });

  it('give every handler an event that no handler can change', () => {
    const seen: unknown[] = [];
    handlers.add('a', event => seen.push(event), {});
    handlers.handle(entry('a'));
    const [event] = seen as [{ data: { list: object[] } }];
    for (const part of [event, event.data, event.data.list, event.data.list[0]])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('do not call a handler after the end of its subscription', async () => {
    const handler = jest.fn();
    const ends = [
      handlers.add(['a', 'b'], handler, {}),
      handlers.add('c', handler, { name: 'once', delivery: 'once' }),
    ];
    for (const end of ends) end();
    for (const type of ['a', 'b', 'c']) handlers.handle(entry(type));
    handlers.wake();
    await settle();
    expect(handler).not.toHaveBeenCalled();
    expect([handlers.size, left]).toEqual([0, 1]);
  });

  it('report a handler that fails, and go on with the others', async () => {
    const calls: string[] = [];
    handlers.add('a', () => Promise.reject(new TypeError('canary')), { name: 'Broken.handle' });
    handlers.add('a', () => calls.push('other'), {});
    handlers.handle(entry('a'));
    await settle();
    expect([calls, handlers.counts]).toEqual([['other'], { failed: 1, missed: 0 }]);
    expect(log.map(({ text }) => text).join()).toContain('Broken.handle failed: ');
  });

  it('count every event that a slow handler misses, and log it once', async () => {
    start(1);
    handlers.add('a', () => new Promise(noop), { name: 'Slow.handle', concurrency: 1 });
    for (const id of ['1', '2', '3', '4']) handlers.handle(entry('a', id));
    await settle();
    expect(handlers.counts).toEqual({ failed: 0, missed: 2 });
    const told = log.filter(({ level }) => level === 'error').map(({ text }) => text);
    expect(told).toEqual([
      expect.stringContaining('Slow.handle is too slow: it misses events (mesh.maxWaiting, '),
    ]);
  });

  describe("with delivery: 'once'", () => {
    const once = (handler: EventHandler, more: object = {}) =>
      handlers.add('job', handler, { name: 'Worker.do', delivery: 'once', ...more });

    it('claim events from their group only, which has their name and the position of the log', async () => {
      const calls: string[] = [];
      once(({ id }, { cursor }) => calls.push(`${id} at ${cursor}`));
      handlers.handle(entry('job', 'published'));
      taken = [{ ...entry('job', 'claimed'), deliveries: 1 }];
      handlers.handle(entry('job', 'notice'));
      await settle();
      expect([calls, opened]).toEqual([['claimed at sealed claimed'], [['Worker.do', 'position']]]);
      taken = [{ ...entry('job', 'later'), deliveries: 1 }];
      handlers.wake();
      await settle();
      expect(calls).toEqual(['claimed at sealed claimed', 'later at sealed later']);
    });

    it('handle nothing before they have joined their group, which gives them the event then', async () => {
      answers = [];
      const calls: string[] = [];
      once(({ id }) => calls.push(id));
      handlers.handle(entry('job'));
      await settle();
      expect(calls).toEqual([]);
      taken = [{ ...entry('job'), deliveries: 1 }];
      answers[0]?.resolve('position');
      await settle();
      expect(calls).toEqual(['1']);
    });

    it('publish a dead letter without its data if it is invalid with it, and none while the log fails', async () => {
      groups = 'single';
      once(() => Promise.reject(new Error('fails')), { deadLetter: 'failed.jobs' });
      refusals = [new Error('data too deep')];
      handlers.handle(entry('job'));
      await settle();
      const event = { type: 'job', id: '1' };
      expect(published).toEqual([['failed.jobs', { handler: 'Worker.do', event }]]);
      refusals = [new RefusalError('UNAVAILABLE')];
      handlers.handle(entry('job'));
      await settle();
      expect([published.length, handlers.counts.failed]).toEqual([1, 3]);
    });

    it('handle every event themselves in an application with one process', async () => {
      groups = 'single';
      const calls: string[] = [];
      once(({ id }) => calls.push(id));
      handlers.handle(entry('job'));
      await settle();
      expect([calls, published]).toEqual([['1'], []]);
    });

    it.each(['shared', 'single'] as const)(
      'publish the dead letter of a failed event: %s',
      async kind => {
        groups = kind;
        once(() => Promise.reject(new Error('fails')), { deadLetter: 'failed.jobs' });
        const failed = entry('job');
        taken = [{ ...failed, deliveries: 1 }];
        handlers.handle(failed);
        await settle();
        expect(published).toEqual([
          ['failed.jobs', { handler: 'Worker.do', event: JSON.parse(failed.text) as unknown }],
        ]);
      },
    );

    it.each(['shared', 'single'] as const)(
      'publish nothing without a type for it: %s',
      async kind => {
        groups = kind;
        once(() => Promise.reject(new Error('fails')));
        taken = [{ ...entry('job'), deliveries: 1 }];
        handlers.handle(entry('job'));
        await settle();
        expect(published).toEqual([]);
        expect(handlers.counts.failed).toBe(1);
      },
    );

    it('report events that the log has dropped, and those that too many nodes did not survive', async () => {
      lost = 1;
      taken = [{ ...entry('job'), deliveries: 6 }];
      once(noop);
      await settle();
      expect(handlers.counts).toEqual({ failed: 1, missed: 1 });
      expect(log.map(({ text }) => text).join()).toContain(
        'Worker.do misses events: the log has dropped them (mesh.maxEvents)',
      );
    });

    it('need a name that no other such handler has, and a log with groups', () => {
      const problem = (add: () => unknown) => {
        try {
          add();
        } catch (error) {
          return (error as SemanticEventsConfigError).problems;
        }
        return [];
      };
      expect(problem(() => once(noop, { name: undefined }))).toEqual([
        "subscribe with delivery: 'once' needs a name",
      ]);
      handlers.add('job', noop, { name: 'Worker.do' });
      expect(problem(() => once(noop))).toEqual([]);
      expect(problem(() => once(noop))).toEqual([
        "Worker.do is the name of another handler with delivery: 'once'",
      ]);
      groups = 'none';
      expect(problem(() => once(noop, { name: 'Other.do' }))).toEqual([
        "Other.do has delivery: 'once', which needs an EventLog with openGroup()",
      ]);
      expect(handlers.size).toBe(2);
    });

    it('finish their running events before they leave the groups, up to a time', async () => {
      let end: () => void = noop;
      once(() => new Promise<void>(resolve => (end = resolve)));
      taken = [{ ...entry('job'), deliveries: 1 }];
      handlers.wake();
      await settle();
      const leaving = handlers.leaveGroups(500);
      await jest.advanceTimersByTimeAsync(499);
      expect(left).toBe(0);
      end();
      await settle();
      await leaving;
      expect(left).toBe(1);
    });
  });

  it('follow the log again every second until it can be reached, and join their groups then', async () => {
    isAway = true;
    handlers.add('job', noop, { name: 'Worker.do', delivery: 'once' });
    handlers.add('a', noop, {});
    expect([starts, opened]).toEqual([1, []]);
    await jest.advanceTimersByTimeAsync(RETRY);
    expect(starts).toBe(2);
    isAway = false;
    await jest.advanceTimersByTimeAsync(RETRY);
    expect([starts, opened.length]).toEqual([3, 1]);
    await jest.advanceTimersByTimeAsync(5 * RETRY);
    expect(starts).toBe(3);
  });

  it('do not follow the log any more once they are closed', async () => {
    isAway = true;
    handlers.add('a', noop, {});
    await handlers.close(0);
    await jest.advanceTimersByTimeAsync(5 * RETRY);
    expect(starts).toBe(1);
  });

  it('do not follow the log again if it fails after they were closed', async () => {
    answers = [];
    handlers.add('a', noop, {});
    await handlers.close(0);
    answers[0]?.reject(new Error('away'));
    await jest.advanceTimersByTimeAsync(5 * RETRY);
    expect(starts).toBe(1);
  });

  it('wait for running calls when they close, up to a time', async () => {
    let end: () => void = noop;
    handlers.add('a', () => new Promise<void>(resolve => (end = resolve)), {});
    handlers.handle(entry('a'));
    let isClosed = false;
    const closing = handlers.close(500).then(() => (isClosed = true));
    await jest.advanceTimersByTimeAsync(499);
    expect(isClosed).toBe(false);
    end();
    await settle();
    await closing;
    expect(isClosed).toBe(true);
  });
});
