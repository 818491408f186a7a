import { Logger } from '@nestjs/common';
import { compilePatterns, type SemanticEvent } from '../event/index.js';
import { after, recovering, within } from '../maybe-promise.js';
import { attempt, contained, logUnexpected, type Telemetry } from '../monitoring/index.js';
import { Problems } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import type { EventFeed } from './event-feed.js';
import {
  type EventHandler,
  type EventHandlerOptions,
  EventListener,
  type ListenerReport,
  type WaitingEvents,
} from './event-listener.js';
import type { LogEntry } from './event-log.js';
import { GroupHandler } from './group-handler.js';
import { checkDeclaration } from './on-semantic-event.decorator.js';
import { PatternIndex } from './pattern-index.js';

/** The pause before the next attempt to reach the log, in milliseconds. */
const RETRY_INTERVAL = 1_000;

/** The dependencies of the handlers of a node. */
export interface MeshHandlersSource {
  readonly feed: EventFeed;
  readonly limits: WaitingEvents;
  readonly telemetry: Telemetry | undefined;
  seal(cursor: string): string;
  publish(type: string, data: unknown): Promise<unknown>;
}

/** One handler that the application has subscribed. */
interface Registration {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly options: EventHandlerOptions;
  readonly listener: EventListener;
  /** The position of the feed when the handler was added. It is undefined if the feed did not follow the log yet. */
  readonly after: string | undefined;
  /** Claims the events of a handler with `delivery: 'once'`. Null if the application has only one process. */
  group?: GroupHandler | null;
}

/** A handler before it is registered. */
interface Declared extends Pick<Registration, 'patterns' | 'options'> {
  readonly name: string | undefined;
}

/** The event handlers of this node, indexed by pattern. */
export class MeshHandlers {
  readonly counts = { failed: 0, missed: 0 };

  private readonly logger = new Logger('EventMesh');
  private readonly index = new PatternIndex<Registration>();
  private readonly all = new Set<Registration>();
  private readonly missing = new Set<string>();
  private isFollowing = false;
  private retry: NodeJS.Timeout | undefined;
  private isClosed = false;

  private readonly report: ListenerReport = {
    failed: (name, error) => {
      this.counts.failed++;
      logUnexpected(this.logger, error, undefined, `${name} failed: `, name);
    },
    missed: name => {
      this.miss(name, 'is too slow: it misses events (mesh.maxWaiting, mesh.maxHistorySize)');
    },
  };

  constructor(private readonly source: MeshHandlersSource) {}

  get size(): number {
    return this.all.size;
  }

  /**
   * Calls a function with every matching event from now on.
   *
   * @returns a function that ends the subscription
   * @throws SemanticEventsConfigError for invalid arguments
   */
  add(
    given: string | readonly string[],
    handler: EventHandler,
    { name, ...options }: EventHandlerOptions & { name?: string },
  ): () => void {
    const patterns = [given].flat();
    checkDeclaration({ patterns, options });
    if (options.delivery === 'once') this.checkGroup(name);
    this.checkDeadLetters({ name, patterns, options });
    const { feed, limits, telemetry } = this.source;
    const title = name ?? 'A handler';
    const registration: Registration = {
      name: title,
      patterns,
      options,
      listener: new EventListener(title, handler, options, limits, this.report, telemetry),
      after: feed.position,
    };
    for (const pattern of patterns) this.index.add(pattern, registration);
    this.all.add(registration);
    this.follow();
    return () => {
      for (const pattern of patterns) this.index.remove(pattern, registration);
      this.all.delete(registration);
      registration.listener.close();
      attempt(() => registration.group?.close());
    };
  }

  /** Passes an event to the matching handlers. Handlers with `delivery: 'once'` claim it from their group instead. */
  handle({ type, cursor, text }: LogEntry): void {
    const registrations = this.index.match(type);
    if (registrations.size === 0) return;
    const event = frozen(JSON.parse(text) as SemanticEvent);
    const inOrder = [...registrations].sort((a, b) => b.listener.priority - a.listener.priority);
    const sealed = this.source.seal(cursor);
    for (const registration of inOrder)
      if (registration.group) registration.group.wake();
      else if (registration.options.delivery !== 'once')
        registration.listener.offer(event, sealed, text.length);
      else if (registration.group === null)
        registration.listener.offer(event, sealed, text.length, isHandled => {
          if (isHandled) return;
          this.publishDeadLetter(registration, event).catch((error: unknown) => {
            this.report.failed(registration.name, error);
          });
        });
  }

  /** Claims waiting events for all groups. Needed after a gap, because the notice of an event may be lost. */
  wake(): void {
    for (const { group } of this.all) group?.wake();
  }

  /** Stops claiming events from groups. Waits for running handlers, so that no other node handles their events again. */
  async leaveGroups(time: number): Promise<void> {
    const groups = [...this.all].flatMap(({ group }) => group ?? []);
    await within(time, Promise.all(groups.map(group => group.idle())));
    await Promise.all(groups.map(group => group.close()));
  }

  /** Waits for running handlers, and then closes all of them. @param time the maximum wait in milliseconds */
  async close(time: number): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.retry);
    const listeners = [...this.all].map(({ listener }) => listener);
    await within(time, Promise.all(listeners.map(listener => listener.idle())));
    for (const listener of listeners) listener.close();
  }

  /** Checks the name of a group. Two handlers of this node with the same name would claim each other's events. */
  private checkGroup(name: string | undefined): void {
    const problems = new Problems();
    const path = name ?? 'subscribe';
    const isTaken = [...this.all].some(
      other => other.name === name && other.options.delivery === 'once',
    );
    if (name === undefined) problems.add(path, "with delivery: 'once' needs a name");
    else if (isTaken) problems.add(path, "is the name of another handler with delivery: 'once'");
    if (!this.source.feed.hasGroups)
      problems.add(path, "has delivery: 'once', which needs an EventLog with openGroup()");
    problems.throwIfAny();
  }

  /** Rejects a handler whose dead letter reaches it again through others. One failing event would keep all of them busy for good. */
  private checkDeadLetters({ name = 'subscribe', patterns, options }: Declared): void {
    const isOwn = compilePatterns(patterns);
    const reached = new Set([options.deadLetter]);
    for (const type of reached)
      for (const other of type === undefined ? [] : this.index.match(type))
        reached.add(other.options.deadLetter);
    const problems = new Problems();
    if ([...reached].some(type => type !== undefined && isOwn(type)))
      problems.add(`${name}: deadLetter`, 'must not reach its own handler again through others');
    problems.throwIfAny();
  }

  /** Follows the log, and joins the groups of new handlers. Retries if the log cannot be reached. */
  private follow(): void {
    if (this.isFollowing) return;
    this.isFollowing = true;
    void recovering(
      () =>
        after(this.source.feed.start(), position => {
          this.isFollowing = false;
          for (const registration of this.all) this.join(registration, position);
        }),
      () => {
        if (this.isClosed) return;
        const again = contained(() => {
          this.isFollowing = false;
          this.follow();
        });
        this.retry = setTimeout(again, RETRY_INTERVAL).unref();
      },
    );
  }

  private join(registration: Registration, position: string): void {
    const { name, patterns, options, listener, group } = registration;
    if (options.delivery !== 'once' || group !== undefined) return;
    const { feed } = this.source;
    const opened = feed.openGroup(name, registration.after ?? position);
    registration.group =
      opened &&
      new GroupHandler(opened, listener, {
        callLog: call => feed.callLog(call),
        opened: entry => feed.opened(entry),
        seal: cursor => this.source.seal(cursor),
        matches: compilePatterns(patterns),
        failed: event => this.publishDeadLetter(registration, event),
        gaveUp: error => {
          this.report.failed(name, error);
        },
        lost: () => {
          this.miss(name, 'misses events: the log has dropped them (mesh.maxEvents)');
        },
      });
  }

  /**
   * Publishes the dead letter of an event, if the handler has one. If the event does not fit into another one, its data is missing.
   *
   * @throws RefusalError `UNAVAILABLE` by rejecting
   */
  private async publishDeadLetter(
    { name, options }: Registration,
    event: SemanticEvent,
  ): Promise<void> {
    if (options.deadLetter === undefined) return;
    try {
      await this.source.publish(options.deadLetter, { handler: name, event });
    } catch (error) {
      if (RefusalError.is(error)) throw error;
      // In a dead letter the data has two more levels, which can be too many. The event must not be tried again and again.
      const { data: _, ...attributes } = event;
      await this.source.publish(options.deadLetter, { handler: name, event: attributes });
    }
  }

  private miss(name: string, what: string): void {
    this.counts.missed++;
    if (this.missing.has(name)) return;
    this.missing.add(name);
    this.logger.error(`${name} ${what}`);
  }
}

/** Freezes an event, so that no handler can change it for the next handler. */
function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value) as unknown[])
    if (typeof member === 'object' && member !== null) frozen(member);
  return Object.freeze(value);
}
