import { AsyncResource } from 'node:async_hooks';
import type { SemanticEvent } from '../event/index.js';
import { isThenable } from '../maybe-promise.js';
import { contained, NO_TELEMETRY, type Telemetry } from '../monitoring/index.js';

/** The second argument of a handler. */
export interface EventContext {
  /** The position of the event in the log. */
  readonly cursor: string;
  /**
   * Aborted when the handler exceeds its `timeout`, or when its subscription ends, for example at shutdown. An `abort` listener
   * must not throw: Node reports its error as an uncaught exception, which ends the process. The library cannot catch it.
   */
  readonly signal: AbortSignal;
}

export type EventHandler<T = unknown> = (
  event: Readonly<SemanticEvent<T>>,
  context: EventContext,
) => unknown;

/** Options of an event handler. Times are in milliseconds. */
export interface EventHandlerOptions {
  /** Handlers with a higher priority are called first. @default 0 */
  priority?: number;
  /** The time after which a call fails. @default 30_000 */
  timeout?: number;
  /** How often a failed call is retried. Each retry waits longer than the one before. @default 0 */
  retries?: number;
  /** The maximum number of concurrent calls. With 1, the handler receives events strictly one at a time. @default 16 */
  concurrency?: number;
  /**
   * Whether every node handles an event, or only one node. With `'once'` one node handles each event at least once. If that
   * node crashes meanwhile, another node handles the event again. @default 'each-node'
   */
  delivery?: 'each-node' | 'once';
  /**
   * The type of the event that is published when an event has failed and has no retries left. Its data contains the name of
   * the handler and the failed event. Requires `delivery: 'once'`.
   */
  deadLetter?: string;
  /** Returns whether the handler receives an event that matches its patterns. */
  filter?: (event: Readonly<SemanticEvent>) => boolean;
}

/** The options that have a default. */
type HandlerLimits = Required<
  Pick<EventHandlerOptions, 'priority' | 'timeout' | 'retries' | 'concurrency'>
>;

/** The pause before the first retry in milliseconds. It doubles with each retry. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** Callbacks for failures. A failing handler does not affect other handlers. */
export interface ListenerReport {
  failed(name: string, error: unknown): void;
  missed(name: string): void;
}

/** Limits of the events that wait for one handler. */
export interface WaitingEvents {
  readonly maxWaiting: number;
  /** Characters. */
  readonly maxWaitingSize: number;
}

/** Called when an event needs no further call. @param isHandled whether a call succeeded or the filter excluded the event */
type Ended = (isHandled: boolean) => void;

interface Call {
  readonly event: SemanticEvent;
  readonly cursor: string;
  readonly ended: Ended | undefined;
}

/** A waiting call. It keeps its own async context, because the call that finishes before it has a different context. */
class WaitingCall extends AsyncResource implements Call {
  constructor(
    readonly event: SemanticEvent,
    readonly cursor: string,
    readonly ended: Ended | undefined,
    readonly size: number,
  ) {
    super('WaitingCall');
  }
}

/** Calls one event handler. It limits running and waiting calls, and retries failed calls. */
export class EventListener {
  readonly priority: number;

  /** Calls the handler once. @returns undefined if the handler is synchronous and has succeeded */
  private readonly attempt: (call: Call) => Promise<void> | undefined;

  private readonly options: EventHandlerOptions & HandlerLimits;
  private readonly waiting: WaitingCall[] = [];
  /** The calls that have returned a promise and have not finished. */
  private readonly running = new Set<Promise<void>>();
  /** The abort controllers of the running attempts. */
  private readonly aborts = new Set<AbortController>();
  /** The number of calls that have started and not finished, including synchronous calls. */
  private active = 0;
  private isEnding = false;
  private isClosed = false;
  /** The characters of the events that wait. */
  private waitingSize = 0;

  /** @param limits the maximum number and characters of waiting events; further events are missed */
  constructor(
    private readonly name: string,
    private readonly handler: EventHandler,
    options: EventHandlerOptions,
    private readonly limits: WaitingEvents,
    private readonly report: ListenerReport,
    telemetry: Telemetry = NO_TELEMETRY,
  ) {
    const { priority = 0, timeout = 30_000, retries = 0, concurrency = 16 } = options;
    this.options = { ...options, priority, timeout, retries, concurrency };
    this.priority = priority;
    this.attempt = telemetry.timed({ handler: name }, (call: Call) => this.callOnce(call));
  }

  /** The number of further calls that can start now. */
  get room(): number {
    if (this.isEnding) return 0;
    return Math.max(0, this.options.concurrency - this.active - this.waiting.length);
  }

  /**
   * Calls the handler now, or when a running call has finished.
   *
   * @param size the characters of the event
   * @param ended called when the call has succeeded, or has failed without retries left; not called after `close()`
   */
  offer(event: SemanticEvent, cursor: string, size: number, ended?: Ended): void {
    if (this.isEnding) return;
    const isWanted = this.wants(event);
    if (!isWanted) {
      ended?.(isWanted !== undefined);
      return;
    }
    const isFree = this.active < this.options.concurrency && this.waiting.length === 0;
    if (isFree) {
      this.start({ event, cursor, ended });
      // The handler may have published events itself: start their calls now.
      this.startWaiting();
    } else if (this.hasRoomFor(size)) {
      this.waiting.push(new WaitingCall(event, cursor, ended, size));
      this.waitingSize += size;
    } else this.report.missed(this.name);
  }

  private hasRoomFor(size: number): boolean {
    const { maxWaiting, maxWaitingSize } = this.limits;
    return this.waiting.length < maxWaiting && this.waitingSize + size <= maxWaitingSize;
  }

  /** Starts no further calls, and resolves when the running calls have finished. */
  async idle(): Promise<void> {
    this.isEnding = true;
    this.waiting.length = 0;
    await Promise.all(this.running);
  }

  /** Starts no further calls, and aborts the running calls. */
  close(): void {
    this.isEnding = true;
    this.isClosed = true;
    this.waiting.length = 0;
    for (const abort of this.aborts) abort.abort(new Error('no longer subscribed'));
  }

  private isEnded(): boolean {
    return this.isClosed;
  }

  /** Calls the filter. @returns undefined if the filter throws */
  private wants(event: SemanticEvent): boolean | undefined {
    try {
      return this.options.filter?.(event) ?? true;
    } catch (error) {
      this.report.failed(this.name, error);
      return undefined;
    }
  }

  private startWaiting(): void {
    while (this.active < this.options.concurrency) {
      const next = this.waiting.shift();
      if (!next) return;
      this.waitingSize -= next.size;
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
      call.ended?.(true);
      return;
    }
    const settled: Promise<void> = this.settle(result, call).then(isHandled => {
      this.running.delete(settled);
      this.active--;
      if (isHandled !== undefined) call.ended?.(isHandled);
      this.startWaiting();
    });
    this.running.add(settled);
  }

  private callOnce({ event, cursor }: Call): Promise<void> | undefined {
    const abort = new AbortController();
    try {
      const result = this.handler(event, {
        cursor,
        // Create the signal only if the handler reads it.
        get signal() {
          return abort.signal;
        },
      });
      return isThenable(result) ? this.inTime(result, abort) : undefined;
    } catch (error) {
      return failure(error);
    }
  }

  /** Waits for a call and retries it. @returns whether it succeeded; undefined if the listener was closed before */
  private async settle(first: Promise<void>, call: Call): Promise<boolean | undefined> {
    let result: Promise<void> | undefined = first;
    for (let failures = 0; ; failures++) {
      try {
        await result;
        return true;
      } catch (error) {
        if (this.isEnded()) return undefined;
        if (failures >= this.options.retries) {
          this.report.failed(this.name, error);
          return false;
        }
      }
      await pause(Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE));
      if (this.isEnded()) return undefined;
      result = this.attempt(call);
    }
  }

  private async inTime(result: PromiseLike<unknown>, abort: AbortController): Promise<void> {
    const ended = new Promise<never>((_, reject) => {
      const aborted = contained(() => {
        reject(abort.signal.reason as Error);
      });
      abort.signal.addEventListener('abort', aborted);
    });
    const late = contained(() => {
      abort.abort(new Error(`not done after ${this.options.timeout} ms`));
    });
    const timer = setTimeout(late, this.options.timeout);
    this.aborts.add(abort);
    // A handler may end its own subscription before it returns its promise.
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
  // A pending retry must not keep the process alive.
  return new Promise(resolve => setTimeout(resolve, milliseconds).unref());
}
