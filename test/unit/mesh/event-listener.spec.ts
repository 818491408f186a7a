import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import type { EventContext, EventHandlerOptions } from '../../../lib/index.js';
import { EventListener } from '../../../lib/mesh/event-listener.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const eventOf = (data: unknown) =>
  ({ specversion: '1.0', type: 't', source: 's', id: 'i', data }) as const;

/** A handler whose calls end when the test says so. */
function setUp(
  options: EventHandlerOptions = {},
  {
    handler,
    maxWaiting = 100,
  }: { handler?: (data: unknown, context: EventContext) => unknown; maxWaiting?: number } = {},
) {
  const calls: {
    data: unknown;
    context: EventContext;
    end: () => void;
    fail: (error: unknown) => void;
  }[] = [];
  const failed: unknown[] = [];
  const report = {
    failed: (_name: string, error: unknown) => failed.push(error),
    missed: jest.fn(),
  };
  const listener = new EventListener(
    'name',
    ({ data }, context) =>
      handler
        ? handler(data, context)
        : new Promise<void>((end, fail) => calls.push({ data, context, end, fail })),
    options,
    maxWaiting,
    report,
  );
  const offer = (...all: unknown[]) => {
    for (const data of all) listener.offer(eventOf(data), `1-${String(data)}`);
  };
  return { listener, calls, failed, report, offer, begun: () => calls.map(({ data }) => data) };
}

const turn = () => jest.advanceTimersByTimeAsync(0);

describe('a handler', () => {
  it('is called at once, with the event and its cursor', () => {
    const { offer, calls } = setUp();
    offer(1);
    expect(calls[0]).toMatchObject({ data: 1, context: { cursor: '1-1' } });
    expect(calls[0]?.context.signal.aborted).toBe(false);
  });

  it.each([
    [{}, 16],
    [{ concurrency: 3 }, 3],
    [{ concurrency: 1 }, 1],
  ])('given %j has no more than %i calls at once, begun in order', async (options, most) => {
    const { offer, calls, begun } = setUp(options);
    offer(...Array(40).keys());
    for (let ended = 0; ended < 40; ended++) {
      expect(begun()).toEqual([...Array(Math.min(most + ended, 40)).keys()]);
      calls[ended]?.end();
      await turn();
    }
  });

  it('is not called beyond its concurrency, nor out of order, where it publishes what it is called with next', async () => {
    const order: string[] = [];
    let depth = 0;
    const { offer } = setUp(
      { concurrency: 1 },
      {
        handler: data => {
          order.push(String(data));
          expect(++depth).toBe(1);
          if (data === 2 || data === 0) offer(data === 0 ? 10 : 11);
          depth--;
          return data === 1 ? Promise.resolve() : undefined;
        },
      },
    );
    offer(0, 1, 2, 3);
    await turn();
    expect(order).toEqual(['0', '10', '1', '2', '3', '11']);
  });

  it('that waits is called in the context of who published its event, not of the one before', async () => {
    const publisher = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const handler = (data: unknown) => {
      seen.push([data, publisher.getStore()]);
      return Promise.resolve();
    };
    const { offer } = setUp({ concurrency: 1 }, { handler });
    for (const name of ['a', 'b', 'c'])
      publisher.run(name, () => {
        offer(name);
      });
    await turn();
    expect(seen).toEqual(['a', 'b', 'c'].map(name => [name, name]));
  });

  it('has no more than maxWaiting events waiting; the others are reported as missed', async () => {
    const { offer, calls, report, begun } = setUp({ concurrency: 2 }, { maxWaiting: 3 });
    offer(...Array(9).keys());
    expect(report.missed).toHaveBeenCalledTimes(4);
    for (let at = 0; at < 5; at++) {
      calls[at]?.end();
      await turn();
    }
    expect(begun()).toEqual([0, 1, 2, 3, 4]);
    offer(9);
    expect(begun()).toEqual([0, 1, 2, 3, 4, 9]);
  });

  it('is not called with what its filter turns down, nor where that throws, which is reported', () => {
    const { offer, failed, begun } = setUp({
      filter: ({ data }) => {
        if (data === 3) throw new Error('filter');
        return data !== 2;
      },
    });
    offer(1, 2, 3, 4);
    expect(begun()).toEqual([1, 4]);
    expect(failed).toEqual([new Error('filter')]);
  });
});

describe('a call that fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('x');
      },
    ],
    ['rejects', () => Promise.reject(new Error('x'))],
    [
      'throws what is no error',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what handlers may do
        throw 'x';
      },
    ],
    [
      'is thenable in its own way and rejects',
      () => ({
        then: (_: unknown, no: (e: unknown) => void) => {
          no('x');
        },
      }),
    ],
  ])('because it %s is reported, and the next events are handled', async (_how, fail) => {
    const seen: unknown[] = [];
    const { offer, failed } = setUp(
      { concurrency: 1 },
      {
        handler: data => {
          seen.push(data);
          return data === 1 ? fail() : undefined;
        },
      },
    );
    offer(1, 2);
    await turn();
    expect(failed).toHaveLength(1);
    expect(seen).toEqual([1, 2]);
  });

  it('is repeated as often as allowed, after pauses that double up to five seconds', async () => {
    const at: number[] = [];
    const { offer, failed } = setUp(
      { retries: 8 },
      {
        handler: () => {
          at.push(Date.now());
          throw new Error('x');
        },
      },
    );
    offer(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(at.slice(1).map((time, index) => time - (at[index] ?? 0))).toEqual([
      100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000,
    ]);
    expect(failed).toEqual([new Error('x')]);
  });

  it('is not repeated nor reported once it has succeeded', async () => {
    let calls = 0;
    const { offer, failed } = setUp(
      { retries: 5 },
      {
        handler: async () => {
          if (++calls < 3) throw new Error('x');
        },
      },
    );
    offer(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect([calls, failed]).toEqual([3, []]);
  });

  it('keeps its place while it is repeated: nothing overtakes it with a concurrency of 1', async () => {
    const seen: unknown[] = [];
    const { offer } = setUp(
      { retries: 2, concurrency: 1 },
      {
        handler: data => {
          seen.push(data);
          if (data === 1) throw new Error('x');
        },
      },
    );
    offer(1, 2);
    await jest.advanceTimersByTimeAsync(299);
    expect(seen).toEqual([1, 1]);
    await jest.advanceTimersByTimeAsync(1);
    expect(seen).toEqual([1, 1, 1, 2]);
  });
});

describe('a call that does not end', () => {
  it('has failed after the time-out, is told by its signal, and makes room', async () => {
    const { offer, calls, failed, begun } = setUp({ timeout: 1_000, concurrency: 1 });
    offer(1, 2);
    await jest.advanceTimersByTimeAsync(999);
    expect([begun(), calls[0]?.context.signal.aborted]).toEqual([[1], false]);
    await jest.advanceTimersByTimeAsync(1);
    expect(calls[0]?.context.signal.aborted).toBe(true);
    expect(failed).toEqual([new Error('not done after 1000 ms')]);
    expect(begun()).toEqual([1, 2]);
    // What it still comes to is nobody's concern.
    calls[0]?.fail(new Error('late'));
    await turn();
    expect(failed).toHaveLength(1);
  });

  it('has 30 seconds unless it is said otherwise', async () => {
    const { offer, failed } = setUp();
    offer(1);
    await jest.advanceTimersByTimeAsync(29_999);
    expect(failed).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(failed).toHaveLength(1);
  });

  it('is repeated with a signal of its own', async () => {
    const { offer, calls } = setUp({ timeout: 10, retries: 1 });
    offer(1);
    await jest.advanceTimersByTimeAsync(110);
    expect(calls).toHaveLength(2);
    expect(calls.map(({ context }) => context.signal.aborted)).toEqual([true, false]);
  });

  it('leaves no timer behind when it ends in time', async () => {
    const { offer, calls } = setUp();
    offer(1);
    expect(jest.getTimerCount()).toBe(1);
    calls[0]?.end();
    await turn();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('warns of no leak, however many there are at once', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const { offer, listener } = setUp({ concurrency: 100 });
    offer(...Array(100).keys());
    listener.close();
    jest.useRealTimers();
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });
});

describe('a listener', () => {
  it('that is to be idle starts nothing more, and waits for what runs', async () => {
    const { offer, calls, listener, begun } = setUp({ concurrency: 2 });
    offer(1, 2, 3);
    let isIdle = false;
    void listener.idle().then(() => (isIdle = true));
    offer(4);
    calls[0]?.end();
    await turn();
    expect([isIdle, begun()]).toEqual([false, [1, 2]]);
    calls[1]?.fail(new Error('x'));
    await turn();
    expect([isIdle, begun()]).toEqual([true, [1, 2]]);
  });

  it('that is closed tells what runs by its signal, and reports nothing of it', async () => {
    const { offer, calls, listener, failed, begun } = setUp({ concurrency: 2, retries: 3 });
    offer(1, 2, 3);
    listener.close();
    offer(4);
    calls[0]?.fail(new Error('x'));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(calls.map(({ context }) => context.signal.aborted)).toEqual([true, true]);
    expect([begun(), failed]).toEqual([[1, 2], []]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that is closed by its own handler ends the call that did it, too', async () => {
    const signals: AbortSignal[] = [];
    const { offer, listener } = setUp(
      { concurrency: 1 },
      {
        handler: (_data, { signal }) => {
          signals.push(signal);
          listener.close();
          return new Promise(() => undefined);
        },
      },
    );
    offer(1, 2);
    await turn();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await listener.idle();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that is closed while it waits to try again does not', async () => {
    const { offer, calls, listener } = setUp({ retries: 3 });
    offer(1);
    calls[0]?.fail(new Error('x'));
    await turn();
    listener.close();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(1);
  });
});
