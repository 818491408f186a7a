import { FakeClock as PublicFakeClock } from '../../lib/testing/fake-clock.js';

/** The one of `nestjs-semantic-events/testing`, which shows the same time at the start of every test. */
export class FakeClock extends PublicFakeClock {
  constructor(wall = Date.parse('2026-11-23T10:00:00Z')) {
    super(wall);
  }
}
