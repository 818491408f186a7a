import { jest } from '@jest/globals';
import { InboundQueue, type Source } from '../../../../lib/connection/guarded/inbound-queue.js';
import {
  MAX_SHARED_RUNNING_BYTES,
  SharedBudgets,
} from '../../../../lib/connection/guarded/shared-budgets.js';
import { tokenBucket } from '../../../../lib/rate-limit/index.js';

const nextTurn = () => new Promise<void>(resolve => setImmediate(resolve));

/** Creates a queue with limited room for running handlers, and records the handled messages. */
const start = (room = Infinity, maxRunning = Infinity) => {
  const handled: string[] = [];
  const running: (() => void)[] = [];
  const source: Source<string> & { isOpen: boolean; isPaused: boolean } = {
    isOpen: true,
    isPaused: false,
    pause: () => void (source.isPaused = true),
    resume: () => void (source.isPaused = false),
    decode: text => {
      running.push(queue.begin());
      handled.push(text);
    },
  };
  const state = { room };
  const shared = {
    hasRoom: () => running.length < state.room,
    begin: () => undefined,
    end: () => undefined,
    stopWaiting: () => undefined,
  };
  const budget = { shared } as unknown as ConstructorParameters<typeof InboundQueue>[1];
  const queue = new InboundQueue<string>(source, budget, maxRunning);
  /** Ends running handlers. */
  const finish = (count: number) => {
    for (const done of running.splice(0, count)) done();
  };
  return { source, handled, state, queue, finish };
};
const numbers = (count: number) => Array.from({ length: count }, (_, at) => `${at}`);

describe('one batch of a connection', () => {
  it.each([
    ['the maximum number of short messages', 64, '{}'],
    ['a chunk of long messages', 2, 'x'.repeat(32_768)],
    ['one very long message', 1, 'x'.repeat(200_000)],
  ])('ends after %s', async (_, count, text) => {
    const { source, handled, queue } = start();
    for (let sent = 0; sent < 3 * count; sent++) queue.take(text);
    expect(handled).toHaveLength(count);
    expect(source.isPaused).toBe(true);
    await nextTurn();
    expect(handled).toHaveLength(2 * count);
    await nextTurn();
    expect(handled).toHaveLength(3 * count);
  });

  it('loses and reorders nothing at its end, and then resumes reading', async () => {
    const { source, handled, queue } = start();
    for (const text of numbers(150)) queue.take(text);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    queue.take('last');
    expect(handled).toEqual([...numbers(150), 'last']);
    expect(source.isPaused).toBe(false);
  });

  it('does not end for fewer messages than it may have', () => {
    const { source, handled, queue } = start();
    for (const text of numbers(63)) queue.take(text);
    expect(handled).toHaveLength(63);
    expect(source.isPaused).toBe(false);
  });
});

describe('messages that no handler has room for', () => {
  it('are queued in order, and handled when handlers finish', () => {
    const { handled, state, queue, finish } = start(2);
    for (const text of numbers(5)) queue.take(text);
    expect(handled).toEqual(['0', '1']);
    finish(1);
    expect(handled).toEqual(['0', '1', '2']);
    queue.take('5');
    expect(handled).toEqual(['0', '1', '2']);
    finish(2);
    expect(handled).toEqual(['0', '1', '2', '3', '4']);
    state.room = Infinity;
    queue.onRoom();
    expect(handled).toEqual(numbers(6));
  });

  it('are copied, so that they do not retain the whole chunk they arrived in', () => {
    const held: Buffer[] = [];
    const state = { room: 0 };
    const source: Source<Buffer> = {
      isOpen: true,
      isPaused: false,
      pause: () => undefined,
      resume: () => undefined,
      decode: message => held.push(message),
    };
    const budget = { shared: { hasRoom: () => state.room > 0 } };
    const queue = new InboundQueue(source, budget as never, 1);
    const chunk = Buffer.alloc(65_536, 'x');
    queue.take(chunk.subarray(0, 10));
    state.room = 1;
    queue.onRoom();
    expect(held[0]).toEqual(chunk.subarray(0, 10));
    expect(held[0]?.buffer).not.toBe(chunk.buffer);
  });

  it.each([
    [63, '{}', false],
    [64, '{}', true],
    [1, 'x'.repeat(65_535), false],
    [1, 'x'.repeat(65_536), true],
  ])('pause reading when they are too many: %d', (count, text, isPaused) => {
    const { source, queue } = start(0);
    for (let sent = 0; sent < count; sent++) queue.take(text);
    expect(source.isPaused).toBe(isPaused);
  });

  it('resume reading when they are fewer', () => {
    const { source, state, queue } = start(0);
    for (const text of numbers(64)) queue.take(text);
    state.room = 1;
    queue.onRoom();
    expect(source.isPaused).toBe(false);
  });

  it('are dropped when the queue stops, and later ones are ignored', () => {
    const { source, handled, state, queue } = start(0);
    for (const text of numbers(64)) queue.take(text);
    queue.stop();
    state.room = 1;
    queue.onRoom();
    queue.take('late');
    expect(handled).toEqual([]);
    expect(source.isPaused).toBe(false);
  });
});

describe('running handlers', () => {
  it('have bounded memory per connection, except that a single one may be larger', async () => {
    const { handled, queue, finish } = start();
    queue.take('x'.repeat(600_000));
    await nextTurn();
    queue.take('{}');
    expect(handled).toHaveLength(1);
    finish(1);
    expect(handled).toHaveLength(2);
  });
});

describe('the handlers of one connection', () => {
  const idleOf = (queue: ReturnType<typeof start>['queue'], timeout = 60_000) => {
    const state = { isIdle: false };
    void queue.idle(timeout).then(() => (state.isIdle = true));
    return state;
  };

  it('run up to connection.maxRunningHandlers at once', () => {
    const { handled, queue, finish } = start(Infinity, 3);
    for (const text of numbers(6)) queue.take(text);
    expect(handled).toEqual(numbers(3));
    finish(1);
    expect(handled).toEqual(numbers(4));
    finish(3);
    expect(handled).toEqual(numbers(6));
  });

  it('may have frames of up to 1 MiB together', () => {
    const { handled, queue, finish } = start();
    const text = 'x'.repeat(1_024);
    queue.frame = 1_048_575;
    const done = queue.begin();
    queue.take(text);
    expect(handled).toHaveLength(1);
    queue.take(text);
    expect(handled).toHaveLength(1);
    finish(1);
    expect(handled).toHaveLength(2);
    done();
    for (let sent = 0; sent < 40; sent++) queue.take(text);
    expect(handled).toHaveLength(42);
  });

  it('are waited for at shutdown until the last one has ended', async () => {
    const { queue } = start();
    await queue.idle(0);
    const [first, second] = [queue.begin(), queue.begin()];
    const state = idleOf(queue);
    first();
    await nextTurn();
    expect(state.isIdle).toBe(false);
    second();
    await nextTurn();
    expect(state.isIdle).toBe(true);
  });

  it('are not waited for longer than the time limit', async () => {
    const { queue } = start();
    queue.begin();
    await queue.idle(1);
  });
});

describe('a transport that closes', () => {
  it('is neither paused nor resumed', async () => {
    const { source, handled, state, queue } = start();
    for (const text of numbers(70)) queue.take(text);
    source.isOpen = false;
    await nextTurn();
    expect(handled).toHaveLength(70);
    expect(source.isPaused).toBe(true);
    source.isPaused = false;
    state.room = 0;
    for (const text of numbers(200)) queue.take(text);
    expect(source.isPaused).toBe(false);
  });
});

describe('a connection that closes while it waits for the handlers of its user', () => {
  it('is not kept in memory, even if its budget has changed meanwhile', () => {
    const budgets = new SharedBudgets(tokenBucket({ rate: 1, burst: 1 }));
    const [shared, ofUser] = [budgets.open('address', 0), budgets.open('user', 0)];
    shared.begin(MAX_SHARED_RUNNING_BYTES);
    const budget = { shared };
    const queue = new InboundQueue<string>(start().source, budget, 1);
    const woken = jest.spyOn(queue, 'onRoom');
    queue.take('{}');
    budget.shared = ofUser;
    queue.stop();
    shared.end(1);
    expect(woken).not.toHaveBeenCalled();
  });
});
