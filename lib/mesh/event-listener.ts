import { AsyncResource } from 'node:async_hooks';
import type { SemanticEvent } from '../event/index.js';
import { isThenable } from '../maybe-promise.js';
import { NO_TELEMETRY, type Telemetry } from '../monitoring/index.js';

/** What a handler is told besides the event. */
export interface EventContext {
  /** Where in the log the event is. */
  readonly cursor: string;
  /** Aborted when the handler takes too long or is no longer subscribed, as when the application shuts down. */
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

const HANDLER_DEFAULTS = {
  priority: 0,
  timeout: 30_000,
  retries: 0,
  concurrency: 16,
} as const;

/** The pause before the first repetition, doubled for each further one, in milliseconds. */
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

/** A call that waits keeps the context it was asked for in: that of the call it waits for is somebody else's. */
class WaitingCall extends AsyncResource implements Call {
  constructor(
    readonly event: SemanticEvent,
    readonly cursor: string,
  ) {
    super('WaitingCall');
  }
}

/** One handler of events: how many of its calls run and wait, and what becomes of those that fail. */
export class EventListener {
  readonly priority: number;

  /** Calls the handler once. @returns nothing where it is done, as most handlers are when they return */
  private readonly attempt: (call: Call) => Promise<void> | undefined;

  private readonly options: Required<Omit<EventHandlerOptions, 'filter'>> & EventHandlerOptions;
  private readonly waiting: WaitingCall[] = [];
  /** Calls that did not end at once. */
  private readonly running = new Set<Promise<void>>();
  /** What ends the attempts that run. */
  private readonly aborts = new Set<AbortController>();
  /** Calls that have begun and not ended, those included that are about to return. */
  private active = 0;
  private isEnding = false;
  private isClosed = false;

  /** @param maxWaiting calls that may wait; beyond, events are missed */
  constructor(
    private readonly name: string,
    private readonly handler: EventHandler,
    options: EventHandlerOptions,
    private readonly maxWaiting: number,
    private readonly report: ListenerReport,
    telemetry: Telemetry = NO_TELEMETRY,
  ) {
    this.options = { ...HANDLER_DEFAULTS, ...options };
    this.priority = this.options.priority;
    this.attempt = telemetry.timed({ handler: name }, (call: Call) => this.callOnce(call));
  }

  /** Calls the handler, now or when one of its calls has ended. */
  offer(event: SemanticEvent, cursor: string): void {
    if (this.isEnding || !this.wants(event)) return;
    const isFree = this.active < this.options.concurrency && this.waiting.length === 0;
    if (isFree) {
      this.start({ event, cursor });
      // What it has published itself.
      this.startWaiting();
    } else if (this.waiting.length < this.maxWaiting)
      this.waiting.push(new WaitingCall(event, cursor));
    else this.report.missed(this.name);
  }

  /** Starts nothing more, and resolves when what runs has ended. */
  async idle(): Promise<void> {
    this.isEnding = true;
    this.waiting.length = 0;
    await Promise.all(this.running);
  }

  /** Starts nothing more, and waits no longer for what runs. */
  close(): void {
    this.isEnding = true;
    this.isClosed = true;
    this.waiting.length = 0;
    for (const abort of this.aborts) abort.abort(new Error('no longer subscribed'));
  }

  private isEnded(): boolean {
    return this.isClosed;
  }

  private wants(event: SemanticEvent): boolean {
    try {
      return this.options.filter?.(event) ?? true;
    } catch (error) {
      this.report.failed(this.name, error);
      return false;
    }
  }

  private startWaiting(): void {
    while (this.active < this.options.concurrency) {
      const next = this.waiting.shift();
      if (!next) return;
      next.runInAsyncScope(() => {
        this.start(next);
      });
    }
  }

  private start(call: Call): void {
    this.active++;
    const result = this.attempt(call);
    if (!result) {
      this.active--;
      return;
    }
    const ended: Promise<void> = this.settle(result, call).finally(() => {
      this.running.delete(ended);
      this.active--;
      this.startWaiting();
    });
    this.running.add(ended);
  }

  private callOnce({ event, cursor }: Call): Promise<void> | undefined {
    const abort = new AbortController();
    try {
      const result = this.handler(event, {
        cursor,
        // Made only where it is asked for.
        get signal() {
          return abort.signal;
        },
      });
      return isThenable(result) ? this.inTime(result, abort) : undefined;
    } catch (error) {
      return failure(error);
    }
  }

  private async settle(first: Promise<void>, call: Call): Promise<void> {
    let result: Promise<void> | undefined = first;
    for (let failures = 0; ; failures++) {
      try {
        await result;
        return;
      } catch (error) {
        if (this.isEnded()) return;
        if (failures >= this.options.retries) {
          this.report.failed(this.name, error);
          return;
        }
      }
      await pause(Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE));
      if (this.isEnded()) return;
      result = this.attempt(call);
    }
  }

  private async inTime(result: PromiseLike<unknown>, abort: AbortController): Promise<void> {
    const ended = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => {
        reject(abort.signal.reason as Error);
      });
    });
    const timer = setTimeout(() => {
      abort.abort(new Error(`not done after ${this.options.timeout} ms`));
    }, this.options.timeout);
    this.aborts.add(abort);
    // A handler may end its own subscription before it returns.
    if (this.isEnded()) abort.abort();
    try {
      await Promise.race([result, ended]);
    } finally {
      clearTimeout(timer);
      this.aborts.delete(abort);
    }
  }
}

async function failure(error: unknown): Promise<never> {
  throw error;
}

function pause(milliseconds: number): Promise<void> {
  // Nothing is kept from ending by what would be tried again.
  return new Promise(resolve => setTimeout(resolve, milliseconds).unref());
}
