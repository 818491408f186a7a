import { Logger } from '@nestjs/common';
import type { Clock } from './clock.js';
import { LogLimit } from './monitoring/index.js';

/** The number of outages in a short time that are logged one by one, and the log interval after that. */
const BURST = 5;
const INTERVAL = 10_000;

/** Logs when something fails and when it recovers. Frequent changes are logged at intervals. */
export class OutageLog {
  private readonly logger = new Logger('SemanticEvents');
  private readonly limit = new LogLimit(BURST, INTERVAL);
  private isTold = false;

  constructor(private readonly clock: Clock) {}

  begin(text: string): void {
    const untold = this.limit.take(this.clock.monotonic());
    this.isTold = untold !== undefined;
    if (untold === undefined) return;
    this.logger.error(text + (untold > 0 ? ` (and ${untold} times before)` : ''));
  }

  end(text: string): void {
    if (this.isTold) this.logger.log(text);
  }
}
