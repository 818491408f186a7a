import type { Clock } from './clock.js';
import { isThenable, type MaybePromise } from './maybe-promise.js';
import { errorText, NO_TELEMETRY, type Telemetry } from './monitoring/index.js';
import type { StoreErrorPolicy } from './options/index.js';
import { OutageLog } from './outage-log.js';
import { isInstance, RefusalError, SemanticEventsError } from './protocol/index.js';

/** The replacements of a store, by policy. */
export interface StandIns<T> {
  allow(): MaybePromise<T>;
  local(): MaybePromise<T>;
}

/** Callbacks for the begin and the end of an outage. */
export interface OutageObserver {
  storeDown(subject: string): void;
  storeUp(subject: string): void;
}

/**
 * The time a store must work before it counts as recovered, in milliseconds. Some requests succeed although a part of the
 * store fails.
 */
const CALM = 1_000;

/** Keeps a protection working while its store is down, and reports the start and the end of each outage once. */
export class StoreOutage {
  private readonly log: OutageLog;
  private isOut = false;
  private failedAt = -Infinity;
  private readonly timedCall: <T>(call: () => MaybePromise<T>) => MaybePromise<T>;

  /** @param subject the content of the store, for the log and the names of metrics */
  constructor(
    private readonly subject: string,
    private readonly policy: StoreErrorPolicy,
    private readonly clock: Clock,
    private readonly observer?: OutageObserver,
    telemetry: Telemetry = NO_TELEMETRY,
  ) {
    this.timedCall = telemetry.timed({ store: subject }, <T>(call: () => MaybePromise<T>) =>
      call(),
    );
    this.log = new OutageLog(clock);
  }

  /**
   * Calls a store, or its replacement during an outage.
   *
   * @throws RefusalError if the store rejects; `UNAVAILABLE` if it is down and the policy is to deny, or if there is no
   * replacement
   */
  during<T>(call: () => MaybePromise<T>, standIns?: StandIns<T>): MaybePromise<T> {
    try {
      const answer = this.timedCall(call);
      if (isThenable(answer)) return this.settle(answer, standIns);
      this.end();
      return answer;
    } catch (error) {
      return this.recover(error, standIns);
    }
  }

  private async settle<T>(asked: PromiseLike<T>, standIns?: StandIns<T>): Promise<T> {
    try {
      const answer = await asked;
      this.end();
      return answer;
    } catch (error) {
      return this.recover(error, standIns);
    }
  }

  private recover<T>(error: unknown, standIns?: StandIns<T>): MaybePromise<T> {
    // A full store rejects, but is not down.
    if (RefusalError.is(error)) throw error;
    this.begin(error);
    if (this.policy === 'deny' || !standIns)
      throw new RefusalError('UNAVAILABLE', { reason: `the store of ${this.subject} fails` });
    return standIns[this.policy]();
  }

  private begin(error: unknown): void {
    this.failedAt = this.clock.monotonic();
    if (this.isOut) return;
    this.isOut = true;
    this.observer?.storeDown(this.subject);
    // Log only the name of other errors: the message of a driver's error may contain what was sent.
    const isOwn = isInstance(error, SemanticEventsError);
    const reason = errorText(error, isOwn ? 'message' : 'name') || 'unknown';
    this.log.begin(
      `The store of ${this.subject} fails (${reason}): ${this.policy} until it is back`,
    );
  }

  private end(): void {
    if (!this.isOut || this.clock.monotonic() - this.failedAt < CALM) return;
    this.isOut = false;
    this.observer?.storeUp(this.subject);
    this.log.end(`The store of ${this.subject} is back`);
  }
}
