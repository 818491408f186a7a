import { jest } from '@jest/globals';
import type { EventGroup, ClaimedEntry } from '../../../lib/mesh/event-group.js';
import { EventListener } from '../../../lib/mesh/event-listener.js';
import { GroupHandler } from '../../../lib/mesh/group-handler.js';
import { captureLog } from '../../helpers/log-capture.js';

const LEASE = 3_000;
const TICK = LEASE / 3;

describe('GroupHandler', () => {
  /** The entries of the log that nobody has claimed. */
  let log: ClaimedEntry[];
  let calls: unknown[];
  let handled: string[];
  let failures: string[];
  let work: (id: string) => unknown;
  let lost: number;
  let takes: boolean[];
  /** What the log does on the next calls, by name. */
  let failing: Set<string>;
  let listener: EventListener;
  let handler: GroupHandler;

  const entry = (id: string, more: Partial<ClaimedEntry> = {}): ClaimedEntry => ({
    cursor: `000000.${id}-0`,
    channel: '',
    type: 'job',
    text: JSON.stringify({ type: 'job', id }),
    deliveries: 1,
    ...more,
  });
  const told = (name: string, given: readonly string[]) => {
    if (failing.has(name)) throw new Error(`${name} fails`);
    if (given.length > 0 || name === 'leave')
      calls.push([name, ...given.map(cursor => cursor.slice(7, -2))]);
  };
  const settle = () => jest.advanceTimersByTimeAsync(0);
  const start = (concurrency = 2) => {
    const group: EventGroup = {
      lease: LEASE,
      claim: (limit, isOverdue) => {
        if (failing.has('take')) throw new Error('take fails');
        takes.push(isOverdue);
        const result = { entries: log.splice(0, limit), lost };
        lost = 0;
        return Promise.resolve(result);
      },
      done: cursors => {
        told('done', cursors);
      },
      renew: cursors => {
        told('renew', cursors);
      },
      leave: cursors => {
        told('leave', cursors);
      },
    };
    listener = new EventListener(
      'worker',
      ({ id }, { cursor }) => {
        handled.push(`${id} ${cursor}`);
        return work(id);
      },
      { concurrency },
      { maxWaiting: 10, maxWaitingSize: 10_000 },
      { failed: () => undefined, missed: () => undefined },
    );
    handler = new GroupHandler(group, listener, {
      callLog: call => call(),
      opened: given => (given.text.startsWith('forged') ? undefined : given),
      matches: type => type === 'job',
      seal: cursor => `sealed ${cursor}`,
      failed: ({ id }) => {
        if (failing.has('failed')) return Promise.reject(new Error('no dead letter'));
        failures.push(id);
        return Promise.resolve();
      },
      gaveUp: ({ message }) => failures.push(message),
      lost: () => failures.push('lost'),
    });
  };

  beforeEach(() => {
    jest.useFakeTimers();
    captureLog();
    [log, calls, handled, failures, lost, takes, failing] = [[], [], [], [], 0, [], new Set()];
    work = () => undefined;
  });
  afterEach(async () => {
    await handler.close();
    jest.useRealTimers();
  });

  it('claims what is in the log at its start and whenever it is woken, and confirms each event', async () => {
    log = [entry('1')];
    start();
    await settle();
    expect(handled).toEqual(['1 sealed 000000.1-0']);
    expect(calls).toEqual([['done', '1']]);
    log = [entry('2')];
    await settle();
    expect(handled).toHaveLength(1);
    handler.wake();
    await settle();
    expect(handled).toHaveLength(2);
  });

  it('claims no more than its listener has room for, and goes on until the log is empty', async () => {
    const ends: (() => void)[] = [];
    work = () => new Promise<void>(resolve => ends.push(resolve));
    log = ['1', '2', '3', '4', '5'].map(id => entry(id));
    start(2);
    await settle();
    expect(log).toHaveLength(3);
    handler.wake();
    await settle();
    expect(log).toHaveLength(3);
    while (ends.length > 0) {
      ends.shift()?.();
      await settle();
    }
    expect(handled).toHaveLength(5);
    expect(calls.flat().filter(name => name !== 'done')).toEqual(['1', '2', '3', '4', '5']);
  });

  it('claims overdue events at its start and once per tick', async () => {
    start();
    await settle();
    handler.wake();
    await settle();
    await jest.advanceTimersByTimeAsync(TICK);
    expect(takes).toEqual([true, false, true]);
  });

  it('confirms events that are not for the handler without a call', async () => {
    log = [
      entry('1', { type: '' }),
      entry('2', { type: 'other' }),
      entry('3', { text: 'forged' }),
      entry('4', { text: 'no JSON' }),
      entry('5'),
    ];
    start(10);
    await settle();
    expect(handled).toEqual(['5 sealed 000000.5-0']);
    expect(calls).toHaveLength(2);
    expect(calls).toContainEqual(['done', '1', '2', '3', '4']);
    expect(calls).toContainEqual(['done', '5']);
  });

  it('renews the leases of running events three times per lease, and of no others', async () => {
    work = id => (id === '1' ? new Promise(() => undefined) : undefined);
    log = [entry('1'), entry('2')];
    start();
    await settle();
    calls = [];
    await jest.advanceTimersByTimeAsync(LEASE);
    expect(calls).toEqual([
      ['renew', '1'],
      ['renew', '1'],
      ['renew', '1'],
    ]);
  });

  it('does not handle an event twice that it claims again while it handles it', async () => {
    work = () => new Promise(() => undefined);
    log = [entry('1')];
    start();
    await settle();
    log = [entry('1', { deliveries: 2 })];
    handler.wake();
    await settle();
    expect(handled).toHaveLength(1);
    expect(calls).toEqual([]);
  });

  it('confirms a handled event later if the log cannot be reached, and does not handle it again', async () => {
    failing.add('done');
    log = [entry('1')];
    start();
    await settle();
    log = [entry('1', { deliveries: 2 })];
    handler.wake();
    await settle();
    failing.clear();
    await jest.advanceTimersByTimeAsync(TICK);
    expect(handled).toHaveLength(1);
    expect(calls).toEqual([['done', '1']]);
  });

  it('confirms a handled event at once if it claims it again', async () => {
    failing.add('done');
    log = [entry('1')];
    start();
    await settle();
    failing.clear();
    log = [entry('1', { deliveries: 2 })];
    handler.wake();
    await settle();
    expect([handled.length, calls]).toEqual([1, [['done', '1']]]);
  });

  it('reports an event that failed before it confirms it, and claims it again if it cannot report it', async () => {
    work = () => Promise.reject(new Error('fails'));
    log = [entry('1')];
    start();
    await settle();
    expect([failures, calls]).toEqual([['1'], [['done', '1']]]);
    failing.add('failed');
    log = [entry('2')];
    handler.wake();
    await settle();
    expect(calls).toHaveLength(1);
    failing.clear();
    log = [entry('2', { deliveries: 2 })];
    handler.wake();
    await settle();
    expect(handled).toHaveLength(3);
    expect(failures).toEqual(['1', '2']);
  });

  it('gives up an event that five nodes did not survive', async () => {
    log = [entry('1', { deliveries: 5 }), entry('2', { deliveries: 6 })];
    start();
    await settle();
    expect(handled).toEqual(['1 sealed 000000.1-0']);
    expect(failures).toEqual(['nodes ended 5 times while they handled it', '2']);
    expect(calls.flat().sort()).toEqual(['1', '2', 'done', 'done']);
  });

  it('reports that the log has dropped events', async () => {
    lost = 1;
    start();
    await settle();
    expect(failures).toEqual(['lost']);
  });

  it('tries again at the next tick if the log cannot be reached', async () => {
    failing.add('take');
    log = [entry('1')];
    start();
    await settle();
    failing.clear();
    await settle();
    expect(handled).toEqual([]);
    await jest.advanceTimersByTimeAsync(TICK);
    expect(handled).toHaveLength(1);
  });

  it('ends when its running events are handled and confirmed, and claims no more', async () => {
    let end: () => void = () => undefined;
    work = () => new Promise<void>(resolve => (end = resolve));
    log = [entry('1')];
    start();
    await settle();
    let isIdle = false;
    const idle = handler.idle().then(() => (isIdle = true));
    log = [entry('2')];
    handler.wake();
    await settle();
    expect([isIdle, handled.length]).toEqual([false, 1]);
    end();
    await idle;
    expect(calls).toEqual([['done', '1']]);
    expect(log).toHaveLength(1);
  });

  it('releases unfinished events when it closes, and stops its timer, even if the log cannot be reached', async () => {
    work = id => (id === '1' ? new Promise(() => undefined) : undefined);
    log = [entry('1'), entry('2')];
    start();
    await settle();
    calls = [];
    await handler.close();
    expect(calls).toEqual([['leave', '1']]);
    log = [entry('3')];
    handler.wake();
    await jest.advanceTimersByTimeAsync(2 * TICK);
    expect(log).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
    failing.add('leave');
    await expect(handler.close()).resolves.toBeUndefined();
  });
});
