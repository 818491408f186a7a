import type { ClientClock } from './clock.js';

/** How late a timer may fire before it shows that the device slept, in milliseconds. */
const MAX_LATENESS = 1_000;

export interface HeartbeatOptions {
  clock: ClientClock;
  pingInterval: number;
  pongTimeout: number;
}

/**
 * Pings the server at an interval and reports a missing answer. It pings even while events arrive, because the
 * server closes a client that sends nothing as idle.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #ping: () => void;
  readonly #lost: () => void;
  #isWaiting = false;
  #cancelTimer: (() => void) | undefined;

  /**
   * @param ping sends a frame that the server answers
   * @param lost is called if no frame arrives in time
   */
  constructor(options: HeartbeatOptions, ping: () => void, lost: () => void) {
    this.#options = options;
    this.#ping = ping;
    this.#lost = lost;
  }

  start(): void {
    this.stop();
    const { clock, pingInterval } = this.#options;
    if (pingInterval > 0)
      this.#cancelTimer = clock.after(pingInterval, () => {
        this.check();
      });
  }

  /** Restarts the interval: any frame of the server shows that it is alive. */
  restart(): void {
    if (this.#isWaiting) this.start();
  }

  /** Pings the server now. */
  check(): void {
    if (this.#isWaiting) return;
    this.stop();
    this.#isWaiting = true;
    // After a sleep the answer may already wait in the socket, so ping once more. In a hidden tab every timer is late.
    this.#sendPing(() => {
      this.#sendPing(this.#lost);
    });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#isWaiting = false;
  }

  /** @param late called instead of `lost` if the timer fires late */
  #sendPing(late: () => void): void {
    const { clock, pongTimeout } = this.#options;
    const deadline = clock.now() + pongTimeout;
    this.#ping();
    this.#cancelTimer = clock.after(pongTimeout, () => {
      (clock.now() > deadline + MAX_LATENESS ? late : this.#lost)();
    });
  }
}
