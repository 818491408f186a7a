import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { Clock } from '../clock.js';
import { MAX_DELAY, type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import type { SecurityEvent } from './security-event.js';
import { SecurityEvents } from './security-events.js';
import { type SecurityLine, SecurityTally } from './security-tally.js';

/**
 * Writes security events to Nest's Logger: what is new at once, what goes on summed up once per
 * `monitoring.logInterval`. An attack does not become a log flood, and no event is left out of the counts.
 */
@Injectable()
export class SecurityLog implements OnApplicationShutdown {
  private readonly logger = new Logger('Security');
  private readonly tally = new SecurityTally();
  private readonly subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private since = 0;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    events: SecurityEvents,
  ) {
    if (options.monitoring.log)
      this.subscription = events.subscribe(event => {
        this.take(event);
      });
  }

  /** Writes what was counted since the last time. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const line of this.tally.sumUp(this.clock.monotonic() - this.since)) this.write(line);
  }

  /** The last connections are closed by now. */
  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    this.flush();
  }

  private take(event: SecurityEvent): void {
    const { levels, logInterval } = this.options.monitoring;
    if (levels[event.kind] === 'off') return;
    if (this.timer && this.clock.monotonic() - this.since >= logInterval) this.flush();
    if (!this.timer) this.start(logInterval);
    const line = this.tally.add(event);
    if (line) this.write(line);
  }

  private start(interval: number): void {
    this.since = this.clock.monotonic();
    const timeout = Math.min(interval, MAX_DELAY);
    this.timer = setTimeout(() => {
      this.flush();
    }, timeout).unref();
  }

  private write({ kind, text }: SecurityLine): void {
    const level = this.options.monitoring.levels[kind];
    if (level !== 'off') this.logger[level](text);
  }
}
