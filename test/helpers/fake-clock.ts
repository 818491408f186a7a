import { FakeClock as PublicFakeClock } from '../../lib/testing/fake-clock.js';

/** The clock of `nestjs-semantic-events/testing`, with the same initial time in every test. */
export class FakeClock extends PublicFakeClock {
  constructor(wall = Date.parse('2026-11-23T10:00:00Z')) {
    super(wall);
  }
}
