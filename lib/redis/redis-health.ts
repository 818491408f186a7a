import type { Clock } from '../clock.js';
import { OutageLog } from '../outage-log.js';

export interface RedisHealth {
  readonly status: 'up' | 'down';
  /** Since when, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** Whether Redis answers; tells the log once when it stops to, and once when it does again. */
export class RedisHealthMonitor {
  private readonly log: OutageLog;
  private current: RedisHealth;
  private isOutage = false;

  constructor(private readonly clock: Clock) {
    this.current = { status: 'down', since: clock.now() };
    this.log = new OutageLog(clock);
  }

  get state(): RedisHealth {
    return this.current;
  }

  up(): void {
    if (this.current.status === 'down') this.current = { status: 'up', since: this.clock.now() };
    if (!this.isOutage) return;
    this.isOutage = false;
    this.log.end('Redis is back');
  }

  down(error: Error): void {
    if (this.current.status === 'up') this.current = { status: 'down', since: this.clock.now() };
    if (this.isOutage) return;
    this.isOutage = true;
    // Nothing but the message: an error of ioredis holds the command, and so keys and nonces.
    this.log.begin(`Redis does not answer: ${error.message}`);
  }
}
