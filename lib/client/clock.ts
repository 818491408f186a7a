/** The clock and the timers of a client. Tests pass one that they move by hand. */
export interface ClientClock {
  /** Returns the wall-clock time in milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back after a delay in milliseconds. @returns a function that cancels the timer */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The maximum delay of a timer, in milliseconds. A longer one would fire at once. */
export const MAX_DELAY = 2 ** 31 - 1;

export const SYSTEM_CLOCK: ClientClock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(milliseconds, MAX_DELAY));
    return () => {
      clearTimeout(timer);
    };
  },
};
