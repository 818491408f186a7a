import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { Clock } from '../clock.js';
import {
  isProduction,
  MAX_DELAY,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { contained } from './contained.js';
import type { SecurityEvent } from './security-event.js';
import { SecurityEvents } from './security-events.js';
import { LogLimit } from './log-limit.js';
import { SecurityLogLine } from './security-log-line.js';
import { explainedLineOf, type SecurityLine, SecurityTally } from './security-tally.js';

/** The reasons that are logged at once, and the milliseconds until one more is logged. */
const REASON_BURST = 20;
const REASON_INTERVAL = 1_000;
/** The reasons that are logged at once outside production, where a developer needs to see each one. */
const DEVELOPMENT_BURST = 200;

/**
 * Writes security events to Nest's Logger. A new event is logged at once. Repeated events are summed up once per
 * `monitoring.logInterval`. So an attack cannot flood the log, and the counts include every event.
 *
 * Reasons of refusals are logged at level `debug`, up to a limit that is lower in production.
 */
@Injectable()
export class SecurityLog implements OnApplicationShutdown {
  private readonly logger = new Logger('Security');
  private readonly tally = new SecurityTally();
  private readonly subscription: Subscription | undefined;
  private timer: NodeJS.Timeout | undefined;
  private since = 0;
  private readonly reasons = new LogLimit(
    isProduction() ? REASON_BURST : DEVELOPMENT_BURST,
    REASON_INTERVAL,
  );

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

  /** Logs the counts since the last call. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const line of this.tally.sumUp(this.clock.monotonic() - this.since)) this.write(line);
  }

  /** Logs the last counts, after all connections are closed. */
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
    if ('reason' in event) this.explain(event);
  }

  private explain(event: SecurityEvent): void {
    const skipped = this.reasons.take(this.clock.monotonic());
    if (skipped === undefined) return;
    const { text, fields } = explainedLineOf(event);
    const more = skipped > 0 ? ` (${skipped} reasons before this one were not logged)` : '';
    this.logger.debug(new SecurityLogLine(text + more, fields));
  }

  private start(interval: number): void {
    this.since = this.clock.monotonic();
    const timeout = Math.min(interval, MAX_DELAY);
    const flush = contained(() => {
      this.flush();
    });
    this.timer = setTimeout(flush, timeout).unref();
  }

  private write({ kind, text, fields }: SecurityLine): void {
    const level = this.options.monitoring.levels[kind];
    if (level !== 'off') this.logger[level](new SecurityLogLine(text, fields));
  }
}
