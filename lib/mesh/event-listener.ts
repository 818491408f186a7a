import { setTimeout as wait } from 'node:timers/promises';
import type { SemanticEvent } from '../event/index.js';
import { isThenable } from '../maybe-promise.js';

/** What a handler is told besides the event. */
export interface EventContext {
  /** Where in the log the event is. */
  readonly cursor: string;
  /** Aborted when the handler takes too long, or the application shuts down. */
  readonly signal: AbortSignal;
}

export type EventHandler<T = unknown> = (
  event: Readonly<SemanticEvent<T>>,
  context: EventContext,
) => unknown;

/** How a handler is called. Times are milliseconds. */
export interface EventHandlerOptions {
  /** Handlers with a higher one are called first. @default 0 */
  priority?: number;
  /** How long a call may take before it counts as failed. @default 30_000 */
  timeout?: number;
  /** How often a failed call is repeated, each time after a longer pause. @default 0 */
  retries?: number;
  /** Calls at once; 1 has events handled strictly one after the other. @default 16 */
  concurrency?: number;
  /** Which of the matching events are handled. */
  filter?: (event: Readonly<SemanticEvent>) => boolean;
}

export const HANDLER_DEFAULTS = {
  priority: 0,
  timeout: 30_000,
  retries: 0,
  concurrency: 16,
} as const;

/** The pause before the first repetition, doubled for each further one. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** Who is told what goes wrong; a handler that fails harms nobody else. */
export interface ListenerReport {
  failed(name: string, error: unknown): void;
  missed(name: string): void;
}

interface Call {
  readonly event: SemanticEvent;
  readonly cursor: string;
}

/** One handler of events: how many of its calls run and wait, and what becomes of those that fail. */
export class EventListener {
  readonly priority: number;

  private readonly options: Required<Omit<EventHandlerOptions, 'filter'>> & EventHandlerOptions;
  private readonly waiting: Call[] = [];
  private readonly closing = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private isEnding = false;

  /** @param maxWaiting calls that may wait; beyond, events are missed */
  constructor(
    private readonly name: string,
    private readonly handler: EventHandler,
    options: EventHandlerOptions,
    private readonly maxWaiting: number,
    private readonly report: ListenerReport,
  ) {
    this.options = { ...HANDLER_DEFAULTS, ...options };
    this.priority = this.options.priority;
  }

  /** Calls the handler, now or when one of its calls has ended. */
  offer(event: SemanticEvent, cursor: string): void {
    if (this.isEnding || !this.wants(event)) return;
    if (this.running.size < this.options.concurrency) this.start({ event, cursor });
    else if (this.waiting.length < this.maxWaiting) this.waiting.push({ event, cursor });
    else this.report.missed(this.name);
  }

  /** Starts nothing more, and resolves when what runs has ended. */
  async idle(): Promise<void> {
    this.isEnding = true;
    this.waiting.length = 0;
    await Promise.all(this.running);
  }

  close(): void {
    this.isEnding = true;
    this.waiting.length = 0;
    this.closing.abort();
  }

  private wants(event: SemanticEvent): boolean {
    try {
      return this.options.filter?.(event) ?? true;
    } catch (error) {
      this.report.failed(this.name, error);
      return false;
    }
  }

  private start(call: Call): void {
    let result: unknown;
    const abort = new AbortController();
    try {
      result = this.call(call, abort);
    } catch (error) {
      result = failure(error);
    }
    // Most handlers are done when they return.
    if (!isThenable(result)) return;
    const ended: Promise<void> = this.settle(Promise.resolve(result), call, abort).finally(() => {
      this.running.delete(ended);
      this.startWaiting();
    });
    this.running.add(ended);
  }

  private startWaiting(): void {
    while (this.running.size < this.options.concurrency) {
      const next = this.waiting.shift();
      if (!next) return;
      this.start(next);
    }
  }

  private async settle(first: Promise<unknown>, call: Call, abort: AbortController): Promise<void> {
    let result = first;
    for (let failures = 0; ; failures++) {
      try {
        await this.inTime(result, abort);
        return;
      } catch (error) {
        if (this.isClosed()) return;
        if (failures >= this.options.retries) {
          this.report.failed(this.name, error);
          return;
        }
      }
      await this.pause(failures);
      if (this.isClosed()) return;
      abort = new AbortController();
      result = attempt(() => this.call(call, abort));
    }
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private call({ event, cursor }: Call, abort: AbortController): unknown {
    return this.handler(event, {
      cursor,
      // Made only where it is asked for.
      get signal() {
        return abort.signal;
      },
    });
  }

  private async inTime(result: Promise<unknown>, abort: AbortController): Promise<void> {
    const stop = new AbortController();
    const end = () => {
      stop.abort();
    };
    this.closing.signal.addEventListener('abort', end, { once: true });
    const timeout = wait(this.options.timeout, undefined, { signal: stop.signal }).then(
      () => {
        throw new Error(`not done after ${this.options.timeout} ms`);
      },
      () => {
        throw new Error('the application shuts down');
      },
    );
    try {
      await Promise.race([result, timeout]);
    } catch (error) {
      abort.abort(error);
      throw error;
    } finally {
      this.closing.signal.removeEventListener('abort', end);
      timeout.catch(() => undefined);
      stop.abort();
    }
  }

  private async pause(failures: number): Promise<void> {
    const pause = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
    await wait(pause, undefined, { signal: this.closing.signal }).catch(() => undefined);
  }
}

async function failure(error: unknown): Promise<never> {
  throw error;
}

async function attempt(call: () => unknown): Promise<unknown> {
  return call();
}
