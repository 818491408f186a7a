import type { Clock } from '../clock.js';
import { errorText } from '../monitoring/index.js';
import { OutageLog } from '../outage-log.js';

export interface RedisHealth {
  readonly status: 'up' | 'down';
  /** When the status began, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** The reason why the status is down although Redis answers. */
  readonly reason?: string;
}

/** Tracks whether Redis answers. Logs each outage once, and each recovery once. */
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
    // Log only the message: an ioredis error contains the command with its keys and nonces.
    this.log.begin(`Redis does not answer: ${errorText(error, 'message')}`);
  }
}
