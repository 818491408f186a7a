import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { EventMesh, type SecurityEvent, SecurityEvents } from 'nestjs-semantic-events';

/** Milliseconds from the first event that is counted to the telling of them all. */
const INTERVAL = 1_000;

/**
 * Tells admins what happens to the security of this node: once a second at most, and only when something did. What
 * is told are numbers by kind and code, of which there are few: nothing a peer has chosen is among them, and the
 * telling is no security event itself.
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
    this.timer ??= setTimeout(() => void this.tell(), INTERVAL).unref();
  }

  private async tell(): Promise<void> {
    this.timer = undefined;
    const counts = Object.fromEntries(this.counts);
    this.counts.clear();
    try {
      await this.mesh.emit('system.security', { counts });
    } catch {
      // Of no use later: whoever looks wants to see what happens now. The log has it all.
      this.logger.warn('Security events could not be told');
    }
  }
}
