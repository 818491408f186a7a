import { Clock } from '../clock.js';

/** A clock that moves only when told to: provide it under `Clock`. */
export class FakeClock extends Clock {
  private elapsed = 0;

  /** @param wall what it shows at first, in milliseconds since the Unix epoch; now, when left out */
  constructor(private wall = Date.now()) {
    super();
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  /** Lets time pass. @param milliseconds how much */
  advance(milliseconds: number): void {
    this.wall += milliseconds;
    this.elapsed += milliseconds;
  }

  /** Sets the wall clock, as an operator or NTP would; durations do not notice. */
  setWall(wall: number): void {
    this.wall = wall;
  }
}
