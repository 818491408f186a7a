import { performance } from 'node:perf_hooks';

/** The source of all times in this library. Override the provider to control time in tests. */
export abstract class Clock {
  /** Wall-clock time in milliseconds since the Unix epoch, to compare with a client's time. */
  abstract now(): number;

  /** Milliseconds since an arbitrary start, never going backwards: for durations and rates. */
  abstract monotonic(): number;
}

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }
}
