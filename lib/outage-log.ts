import { Logger } from '@nestjs/common';
import type { Clock } from './clock.js';

/** How many outages in quick succession are told one by one, and how often one is told after that. */
const BURST = 5;
const INTERVAL = 10_000;

/** Tells the log when something fails, and when it is back; what fails and is back again and again, now and then. */
export class OutageLog {
  private readonly logger = new Logger('SemanticEvents');
  private isTold = false;
  private untold = 0;
  /** When the whole burst may be told again: monotonic milliseconds. */
  private fullAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  begin(text: string): void {
    const now = this.clock.monotonic();
    const fullAt = Math.max(this.fullAt, now) + INTERVAL;
    this.isTold = fullAt - now <= BURST * INTERVAL;
    if (!this.isTold) {
      this.untold++;
      return;
    }
    const others = this.untold > 0 ? ` (and ${this.untold} times before)` : '';
    this.logger.error(text + others);
    this.fullAt = fullAt;
    this.untold = 0;
  }

  end(text: string): void {
    if (this.isTold) this.logger.log(text);
  }
}
