import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import type { EventContext, EventHandlerOptions } from '../../../lib/index.js';
import type { Telemetry } from '../../../lib/monitoring/index.js';
import { EventListener } from '../../../lib/mesh/event-listener.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const eventOf = (data: unknown) =>
  ({ specversion: '1.0', type: 't', source: 's', id: 'i', data }) as const;

/** Creates a handler whose calls end when the test says so. */
function setUp(
  options: EventHandlerOptions = {},
  {
    handler,
    maxWaiting = 100,
    maxWaitingSize = 10_000,
  }: {
    handler?: (data: unknown, context: EventContext) => unknown;
    maxWaiting?: number;
    maxWaitingSize?: number;
  } = {},
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
    { maxWaiting, maxWaitingSize },
    report,
  );
  const offer = (...all: unknown[]) => {
    for (const data of all) listener.offer(eventOf(data), `1-${String(data)}`, 10);
  };
  return { listener, calls, failed, report, offer, begun: () => calls.map(({ data }) => data) };
}

const turn = () => jest.advanceTimersByTimeAsync(0);

describe('EventListener', () => {
  it('calls the handler synchronously, with the event and its cursor', () => {
    const { offer, calls } = setUp();
    offer(1);
    expect(calls[0]).toMatchObject({ data: 1, context: { cursor: '1-1' } });
    expect(calls[0]?.context.signal.aborted).toBe(false);
  });

  it.each([
    [{}, 16],
    [{ concurrency: 3 }, 3],
    [{ concurrency: 1 }, 1],
  ])('with %j makes at most %i concurrent calls, started in order', async (options, most) => {
    const { offer, calls, begun } = setUp(options);
    offer(...Array(40).keys());
    for (let ended = 0; ended < 40; ended++) {
      expect(begun()).toEqual([...Array(Math.min(most + ended, 40)).keys()]);
      calls[ended]?.end();
      await turn();
    }
  });

  it.each<[string, EventHandlerOptions]>([
    ['missing', {}],
    [
      'undefined',
      { priority: undefined, timeout: undefined, retries: undefined, concurrency: undefined },
    ],
  ])(
    'makes 16 calls at a time, each once and for 30 s, if these options are %s',
    async (_, options) => {
      const { listener, offer, begun, failed } = setUp(options);
      expect(listener.priority).toBe(0);
      offer(...Array.from({ length: 17 }, (_, data) => data));
      expect(begun()).toHaveLength(16);
      await jest.advanceTimersByTimeAsync(29_999);
      expect(failed).toHaveLength(0);
      await jest.advanceTimersByTimeAsync(1);
      expect(failed).toHaveLength(16);
      await turn();
      expect(begun()).toHaveLength(17);
    },
  );

  it('never exceeds its concurrency or changes the order if the handler publishes its own event type', async () => {
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

  it("calls the handler in the async context of the event's publisher", async () => {
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

  it('queues at most maxWaiting events and reports the others as missed', async () => {
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

  it('queues at most maxWaitingSize characters, however few events these are', async () => {
    const { offer, calls, report, begun } = setUp({ concurrency: 1 }, { maxWaitingSize: 20 });
    offer(0, 1, 2, 3);
    expect(report.missed).toHaveBeenCalledTimes(1);
    calls[0]?.end();
    await turn();
    offer(4, 5);
    expect(report.missed).toHaveBeenCalledTimes(2);
    for (let at = 1; at < 4; at++) {
      calls[at]?.end();
      await turn();
    }
    expect(begun()).toEqual([0, 1, 2, 4]);
  });

  it('does not call the handler if the filter returns false or throws, and reports the error', () => {
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

describe('EventListener.offer', () => {
  it('says once of each event whether it was handled; one that the filter rejects needs no handling', async () => {
    const ended: unknown[] = [];
    const filter = ({ data }: { data?: unknown }) => {
      if (data === 'filter throws') throw new Error('filter');
      return data !== 'filter rejects';
    };
    const handler = async (data: unknown) => {
      if (data === 'fails') throw new Error('fails');
    };
    const { listener } = setUp(
      { filter },
      { handler: data => (data === 'synchronous' ? undefined : handler(data)) },
    );
    const all = ['synchronous', 'asynchronous', 'fails', 'filter rejects', 'filter throws'];
    for (const data of all)
      listener.offer(eventOf(data), '1-1', 10, isHandled => ended.push([data, isHandled]));
    await turn();
    expect(Object.fromEntries(ended as [string, boolean][])).toEqual({
      synchronous: true,
      asynchronous: true,
      fails: false,
      'filter rejects': true,
      'filter throws': false,
    });
    expect(ended).toHaveLength(all.length);
  });

  it('is measured under the name of the handler', () => {
    const measured: unknown[] = [];
    const telemetry = {
      timed: (operation: unknown, call: unknown) => {
        measured.push(operation);
        return call;
      },
    } as unknown as Telemetry;
    const report = { failed: () => undefined, missed: () => undefined };
    const limits = { maxWaiting: 1, maxWaitingSize: 1 };
    new EventListener('Greeter.greet', () => undefined, {}, limits, report, telemetry);
    expect(measured).toEqual([{ handler: 'Greeter.greet' }]);
  });
});

describe('EventListener, if a call fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('x');
      },
    ],
    ['rejects', () => Promise.reject(new Error('x'))],
    [
      'throws a value that is not an Error',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what handlers may do
        throw 'x';
      },
    ],
    [
      'returns a thenable that rejects',
      () => ({
        then: (_: unknown, no: (e: unknown) => void) => {
          no('x');
        },
      }),
    ],
  ])('reports that it %s, and handles the next events', async (_how, fail) => {
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

  it('retries as often as configured, with delays that double up to five seconds', async () => {
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

  it('does not retry or report after a success', async () => {
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

  it('does not start the next event during retries with a concurrency of 1', async () => {
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

describe('EventListener, if a call does not end', () => {
  it('fails the call after the timeout, aborts its signal and starts the next', async () => {
    const { offer, calls, failed, begun } = setUp({ timeout: 1_000, concurrency: 1 });
    offer(1, 2);
    await jest.advanceTimersByTimeAsync(999);
    expect([begun(), calls[0]?.context.signal.aborted]).toEqual([[1], false]);
    await jest.advanceTimersByTimeAsync(1);
    expect(calls[0]?.context.signal.aborted).toBe(true);
    expect(failed).toEqual([new Error('not done after 1000 ms')]);
    expect(begun()).toEqual([1, 2]);
    // The later result of the call is ignored.
    calls[0]?.fail(new Error('late'));
    await turn();
    expect(failed).toHaveLength(1);
  });

  it('waits 30 seconds by default', async () => {
    const { offer, failed } = setUp();
    offer(1);
    await jest.advanceTimersByTimeAsync(29_999);
    expect(failed).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(failed).toHaveLength(1);
  });

  it('passes a new signal to each retry', async () => {
    const { offer, calls } = setUp({ timeout: 10, retries: 1 });
    offer(1);
    await jest.advanceTimersByTimeAsync(110);
    expect(calls).toHaveLength(2);
    expect(calls.map(({ context }) => context.signal.aborted)).toEqual([true, false]);
  });

  it('clears its timer if the call ends in time', async () => {
    const { offer, calls } = setUp();
    offer(1);
    expect(jest.getTimerCount()).toBe(1);
    calls[0]?.end();
    await turn();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('causes no MaxListenersExceededWarning with many concurrent calls', async () => {
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

describe('EventListener, when it stops', () => {
  it('starts no new calls, and waits for the running ones', async () => {
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

  it('aborts running calls when closed, and does not report them', async () => {
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

  it('aborts the very call that closes it', async () => {
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

  it('does not retry after it was closed', async () => {
    const { offer, calls, listener } = setUp({ retries: 3 });
    offer(1);
    calls[0]?.fail(new Error('x'));
    await turn();
    listener.close();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(1);
  });
});
