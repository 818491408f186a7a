import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { EventMesh, type SecurityEvent, SecurityEvents } from 'nestjs-semantic-events';

/** The interval between two reports, in milliseconds. */
const INTERVAL = 1_000;

/**
 * Reports the security events of this node to admins, at most once a second. A report contains numbers by kind and code,
 * and nothing that a client has chosen. Sending a report causes no security event.
 */
@Injectable()
export class SecurityFeed implements OnModuleDestroy {
  private readonly logger = new Logger('Quickstart');
  private readonly counts = new Map<string, number>();
  private readonly subscription;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly mesh: EventMesh,
    events: SecurityEvents,
  ) {
    this.subscription = events.subscribe(event => {
      this.count(event);
    });
  }

  onModuleDestroy(): void {
    this.subscription.unsubscribe();
    clearTimeout(this.timer);
  }

  private count(event: SecurityEvent): void {
    const label = 'code' in event ? `${event.kind} ${event.code}` : event.kind;
    this.counts.set(label, (this.counts.get(label) ?? 0) + 1);
    this.timer ??= setTimeout(() => void this.report(), INTERVAL).unref();
  }

  private async report(): Promise<void> {
    this.timer = undefined;
    const counts = Object.fromEntries(this.counts);
    this.counts.clear();
    try {
      await this.mesh.emit('system.security', { counts });
    } catch {
      // Drop the counts: admins want to see current events, and the log has all of them.
      this.logger.warn('Security events could not be sent');
    }
  }
}
