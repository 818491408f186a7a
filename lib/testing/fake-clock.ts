import { Clock } from '../clock.js';

/** A clock that moves only when a test moves it. Provide it under `Clock`. */
export class FakeClock extends Clock {
  private elapsed = 0;

  /** @param wall the initial time, in milliseconds since the Unix epoch. @default the current time */
  constructor(private wall = Date.now()) {
    super();
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  /** Moves the clock forward. @param milliseconds the time that passes */
  advance(milliseconds: number): void {
    this.wall += milliseconds;
    this.elapsed += milliseconds;
  }

  /** Sets the wall clock, as an operator or NTP would. Durations do not change. */
  setWall(wall: number): void {
    this.wall = wall;
  }
}
