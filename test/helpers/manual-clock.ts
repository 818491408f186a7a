import type { ClientClock } from '../../lib/client/index.js';

interface Timer {
  at: number;
  callback: () => void;
}

/** A client clock that moves only when a test moves it. */
export class ManualClock implements ClientClock {
  private time = Date.parse('2026-11-23T10:00:00Z');
  private readonly timers = new Set<Timer>();

  now(): number {
    return this.time;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** The number of pending timers. */
  get pending(): number {
    return this.timers.size;
  }

  /** The time until the next timer fires, in milliseconds. */
  get untilNext(): number {
    return Math.min(...[...this.timers].map(({ at }) => at)) - this.time;
  }

  /** Moves the clock as if the device slept: expired timers fire late, when it wakes. */
  sleep(milliseconds: number): void {
    this.time += milliseconds;
    this.advance(0);
  }

  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers.delete(due);
      this.time = Math.max(this.time, due.at);
      due.callback();
    }
    this.time = end;
  }
}
