import { Logger } from '@nestjs/common';
import type { SemanticEvent } from '../event/index.js';
import type { MaybePromise } from '../maybe-promise.js';
import { contained, logUnexpected } from '../monitoring/index.js';
import type { EventGroup, ClaimedEntry } from './event-group.js';
import type { EventListener } from './event-listener.js';

/** The number of renewals during one lease. */
const RENEWALS_PER_LEASE = 3;
/** How often nodes may claim an event before it fails. An event that crashes its node must not crash every node. */
const MAX_DELIVERIES = 5;

/** The dependencies of the handlers of a group. */
export interface GroupHandlerSource {
  /** Calls the log, and reports an outage once. @throws RefusalError `UNAVAILABLE` */
  callLog<T>(call: () => MaybePromise<T>): MaybePromise<T>;
  /** Returns an entry as it was published, or undefined if it has no valid MAC. */
  opened(entry: ClaimedEntry): ClaimedEntry | undefined;
  matches(type: string): boolean;
  /** Encrypts a cursor for a handler. */
  seal(cursor: string): string;
  /** Called when an event has failed without retries left. If the promise rejects, the event is claimed again. */
  failed(event: SemanticEvent): Promise<void>;
  /** Called when too many nodes have ended while they handled an event. */
  gaveUp(error: Error): void;
  /** Called when the log has dropped events before a node had handled them. */
  lost(): void;
}

/** Claims events for this node and passes them to a listener. One node handles each event at least once. */
export class GroupHandler {
  private readonly logger = new Logger('EventMesh');
  /** The entries that this node has claimed, and the state of each. A handled entry is not confirmed to the log yet. */
  private readonly claimed = new Map<string, 'running' | 'handled'>();
  private readonly timer: NodeJS.Timeout;
  private pulling: Promise<void> | undefined;
  /** Whether the log may have entries to claim. */
  private isWoken = false;
  private isOverdue = true;
  private isEnding = false;
  private readonly ending = new Set<Promise<void>>();

  constructor(
    private readonly group: EventGroup,
    private readonly listener: EventListener,
    private readonly source: GroupHandlerSource,
  ) {
    const tick = contained(() => {
      this.tick();
    });
    this.timer = setInterval(tick, group.lease / RENEWALS_PER_LEASE).unref();
    this.wake();
  }

  /** Claims entries, if there are any. Called when the log has a new entry. */
  wake(): void {
    this.isWoken = true;
    if (this.isEnding || this.pulling) return;
    this.pulling = this.pull()
      .catch(() => {
        // The next tick tries again.
        this.isWoken = false;
      })
      .finally(() => {
        this.pulling = undefined;
        if (this.isWoken && this.listener.room > 0) this.wake();
      });
  }

  /** Claims no more entries. Resolves when the running calls have finished and the log has confirmed them. */
  async idle(): Promise<void> {
    this.isEnding = true;
    await this.pulling;
    await this.listener.idle();
    await Promise.all(this.ending);
  }

  /** Releases the unfinished entries, so that other nodes can claim them. */
  async close(): Promise<void> {
    this.isEnding = true;
    clearInterval(this.timer);
    this.listener.close();
    const left = this.cursors('running');
    this.claimed.clear();
    try {
      await this.source.callLog(() => this.group.leave(left));
    } catch {
      // Other nodes claim these entries when their leases have expired.
    }
  }

  private tick(): void {
    this.isOverdue = true;
    void this.keep().catch(() => undefined);
    this.wake();
  }

  private async keep(): Promise<void> {
    const running = this.cursors('running');
    if (running.length > 0) await this.source.callLog(() => this.group.renew(running));
    await this.confirm(this.cursors('handled'));
  }

  private cursors(state: 'running' | 'handled'): string[] {
    return [...this.claimed].filter(([, is]) => is === state).map(([cursor]) => cursor);
  }

  private async pull(): Promise<void> {
    while (this.isWoken && !this.isEnding) {
      const { room } = this.listener;
      if (room === 0) break;
      this.isWoken = false;
      const { isOverdue } = this;
      const { entries, lost } = await this.source.callLog(() => this.group.claim(room, isOverdue));
      this.isOverdue = false;
      if (lost > 0) this.source.lost();
      if (entries.length === room) this.isWoken = true;
      const passed = entries.filter(entry => !this.handle(entry)).map(({ cursor }) => cursor);
      await this.confirm(passed);
    }
  }

  /** Starts to handle an entry. @returns false if the entry needs no handling, so that it can be confirmed at once */
  private handle(entry: ClaimedEntry): boolean {
    const { cursor, type, deliveries } = entry;
    const state = this.claimed.get(cursor);
    if (state !== undefined) return state === 'running';
    if (type === '' || !this.source.matches(type)) return false;
    const opened = this.source.opened(entry);
    if (!opened) return false;
    let event: SemanticEvent;
    try {
      event = JSON.parse(opened.text) as SemanticEvent;
    } catch (error) {
      // A shared log may contain invalid entries.
      logUnexpected(this.logger, error);
      return false;
    }
    this.claimed.set(cursor, 'running');
    const ended = (isHandled: boolean) => {
      const end: Promise<void> = this.end(cursor, event, isHandled).finally(() => {
        this.ending.delete(end);
      });
      this.ending.add(end);
    };
    if (deliveries > MAX_DELIVERIES) {
      this.source.gaveUp(new Error(`nodes ended ${deliveries - 1} times while they handled it`));
      ended(false);
    } else this.listener.offer(event, this.source.seal(cursor), opened.text.length, ended);
    return true;
  }

  private async end(cursor: string, event: SemanticEvent, isHandled: boolean): Promise<void> {
    try {
      if (!isHandled) await this.source.failed(event);
      this.claimed.set(cursor, 'handled');
      await this.confirm([cursor]);
    } catch {
      // A later tick confirms a handled entry. If publishing the dead letter failed, the entry is claimed again.
      if (this.claimed.get(cursor) === 'running') this.claimed.delete(cursor);
    }
    if (this.isWoken) this.wake();
  }

  private async confirm(cursors: readonly string[]): Promise<void> {
    if (cursors.length === 0) return;
    await this.source.callLog(() => this.group.done(cursors));
    for (const cursor of cursors) this.claimed.delete(cursor);
  }
}
