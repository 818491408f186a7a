/** Where a client's time comes from. */
export interface ClientClock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back after that many milliseconds, unless the function returned is called before. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The longest time of a timer; beyond, it would fire at once. */
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
