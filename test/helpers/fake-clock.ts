import { Clock } from '../../lib/clock.js';

/** A clock that moves only when told to. */
export class FakeClock extends Clock {
  private elapsed = 0;

  constructor(private wall = Date.parse('2026-11-23T10:00:00Z')) {
    super();
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  /** Lets time pass on both clocks. */
  advance(milliseconds: number): void {
    this.wall += milliseconds;
    this.elapsed += milliseconds;
  }

  /** Sets the wall clock, as an operator or NTP would; the monotonic clock does not notice. */
  setWall(wall: number): void {
    this.wall = wall;
  }
}
