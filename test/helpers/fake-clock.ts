import { FakeClock as PublicFakeClock } from '../../lib/testing/fake-clock.js';

/** How long the process has run already: no code may take a monotonic time for a duration. */
const UPTIME = 1_000_000_000;

/** The clock of `nestjs-semantic-events/testing`, with the same initial time in every test. */
export class FakeClock extends PublicFakeClock {
  constructor(wall = Date.parse('2026-11-23T10:00:00Z')) {
    super(wall - UPTIME);
    this.advance(UPTIME);
  }
}
