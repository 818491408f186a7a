import type { Clock } from './clock.js';
import { isThenable, type MaybePromise } from './maybe-promise.js';
import { NO_TELEMETRY, type Telemetry } from './monitoring/index.js';
import type { StoreErrorPolicy } from './options/index.js';
import { OutageLog } from './outage-log.js';
import { RefusalError } from './protocol/index.js';

/** What stands in for a store, by policy. */
export interface StandIns<T> {
  allow(): MaybePromise<T>;
  local(): MaybePromise<T>;
}

/** Who else is told that a store fails, and that it is back. */
export interface OutageObserver {
  storeDown(subject: string): void;
  storeUp(subject: string): void;
}

/** How long a store must not fail before it counts as back, in milliseconds: some answers do not need what fails. */
const CALM = 1_000;

/** Gets a protection over the failures of its store, and tells once when they begin and once when they end. */
export class StoreOutage {
  private readonly log: OutageLog;
  private isOut = false;
  private failedAt = -Infinity;
  private readonly ask: <T>(ask: () => MaybePromise<T>) => MaybePromise<T>;

  /** @param subject what the store keeps, for the log and the name of measurements */
  constructor(
    private readonly subject: string,
    private readonly policy: StoreErrorPolicy,
    private readonly clock: Clock,
    private readonly observer?: OutageObserver,
    telemetry: Telemetry = NO_TELEMETRY,
  ) {
    this.ask = telemetry.timed({ store: subject }, <T>(ask: () => MaybePromise<T>) => ask());
    this.log = new OutageLog(clock);
  }

  /**
   * Asks a store, or what stands in for it.
   *
   * @throws RefusalError as the store refuses; `UNAVAILABLE` when it fails and the policy is to deny, or nothing stands in
   */
  during<T>(ask: () => MaybePromise<T>, standIns?: StandIns<T>): MaybePromise<T> {
    try {
      const answer = this.ask(ask);
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
    // A store that refuses, because it is full, is not one that fails.
    if (error instanceof RefusalError) throw error;
    this.begin(error);
    if (this.policy === 'deny' || !standIns) throw new RefusalError('UNAVAILABLE');
    return standIns[this.policy]();
  }

  private begin(error: unknown): void {
    this.failedAt = this.clock.monotonic();
    if (this.isOut) return;
    this.isOut = true;
    this.observer?.storeDown(this.subject);
    // Its name says enough: the message of a driver's error may hold what was sent.
    const reason = error instanceof Error ? error.name : 'unknown';
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
