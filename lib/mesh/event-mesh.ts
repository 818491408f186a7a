import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationShutdown, Optional } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { Clock } from '../clock.js';
import {
  createEvent,
  isPattern,
  matchesPattern,
  type SemanticEvent,
  type SemanticEventInit,
  validateEvent,
} from '../event/index.js';
import { logUnexpected, SafeStream, Telemetry } from '../monitoring/index.js';
import { Problems, type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { canonicalize } from '../signing/index.js';
import { EventFeed } from './event-feed.js';
import {
  type EventHandler,
  type EventHandlerOptions,
  EventListener,
  type ListenerReport,
} from './event-listener.js';
import type { LogEntry, LogFollower } from './event-log.js';
import { checkDeclaration } from './on-semantic-event.decorator.js';
import { PatternIndex } from './pattern-index.js';
import { SubscriptionHub } from './subscription-hub.js';

/** An event of the past. */
export interface ReplayedEvent<T = unknown> {
  readonly cursor: string;
  readonly event: SemanticEvent<T>;
}

export interface Replay<T = unknown> {
  readonly events: readonly ReplayedEvent<T>[];
  /** Where to go on. */
  readonly cursor: string;
  /** Whether the log no longer reaches back to where it was asked from. */
  readonly hasGap: boolean;
  /** Whether there was nothing more. */
  readonly isEnd: boolean;
}

/** What has happened on this node since it started, and what is there now. */
export interface MeshStats {
  readonly published: number;
  /** Events of all nodes that were told on this one. */
  readonly received: number;
  readonly handlers: number;
  /** Calls of handlers that failed for good. */
  readonly failed: number;
  /** Events a handler missed because too many were waiting for it. */
  readonly missed: number;
  /** How often events were lost between the log and this node. */
  readonly gaps: number;
  /** Clients that are subscribed to something. */
  readonly subscribers: number;
  /** Pairs of client and pattern that events are brought to as they come: not while one is told what it missed. */
  readonly subscriptions: number;
  /** Up to where events were told; undefined while nobody listens. */
  readonly position: string | undefined;
}

/** Entries looked at by one `replay`, unless asked otherwise. */
const DEFAULT_REPLAY = 1_000;
/** Before a log that could not be reached is tried again, in milliseconds. */
const RETRY_INTERVAL = 1_000;

/** What is published on one node reaches handlers and subscribed clients on all, each once and in order. */
@Injectable()
export class EventMesh implements LogFollower, OnApplicationShutdown {
  private readonly logger = new Logger('EventMesh');
  private readonly listeners = new PatternIndex<EventListener>();
  private readonly all = new Set<EventListener>();
  private readonly counts = { published: 0, received: 0, failed: 0, missed: 0, gaps: 0 };
  private readonly missing = new Set<string>();
  private isFollowing = false;
  private retry: NodeJS.Timeout | undefined;
  private isClosed = false;

  private readonly report: ListenerReport = {
    failed: (name, error) => {
      this.counts.failed++;
      logUnexpected(this.logger, error, undefined, `${name} failed: `);
    },
    missed: name => {
      this.counts.missed++;
      if (this.missing.has(name)) return;
      this.missing.add(name);
      this.logger.error(`${name} is too slow: it misses events (mesh.maxWaiting)`);
    },
  };

  /** @internal */
  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly feed: EventFeed,
    private readonly hub: SubscriptionHub,
    @Optional() private readonly telemetry?: Telemetry,
  ) {
    feed.add(this);
  }

  /**
   * Has an event reach everybody who listens to its type, on all nodes. It is given an `id` and a `time` where it has
   * none, and a nonce of its own; whoever sends it to a client signs it for that client.
   *
   * @returns the event as it was published
   * @throws RefusalError `INVALID_EVENT`; `UNAVAILABLE` when it is not known to be stored, and so may reach
   *   everybody or nobody
   * @throws TypeError when its data has no JSON form
   */
  async publish<T>(init: SemanticEventInit<T>): Promise<SemanticEvent<T>> {
    const event: SemanticEvent<T> = createEvent(init, this.clock.now());
    delete event.semanticsignature;
    event.semanticnonce = randomUUID();
    const text = canonicalize(event);
    validateEvent(JSON.parse(text), this.options.event);
    await this.feed.append(event.type, text);
    this.counts.published++;
    return event;
  }

  /** Publishes an event of a type, from `signing.source` unless it is said otherwise. Else as `publish`. */
  async emit<T>(
    type: string,
    data: T,
    attributes: Partial<SemanticEventInit<T>> = {},
  ): Promise<SemanticEvent<T>> {
    const { source } = this.options.signing;
    const datacontenttype = 'application/json';
    return this.publish({ source, datacontenttype, ...attributes, type, data });
  }

  /**
   * Has a function called with every event that matches, from now on.
   *
   * @returns ends it
   * @throws SemanticEventsConfigError for what is no pattern, or no option
   */
  subscribe<T = unknown>(
    patterns: string | readonly string[],
    handler: EventHandler<T>,
    { name = 'A handler', ...options }: EventHandlerOptions & { name?: string } = {},
  ): () => void {
    const declaration = { patterns: [patterns].flat(), options };
    checkDeclaration(declaration);
    const listener = new EventListener(
      name,
      handler as EventHandler,
      options,
      this.options.mesh.maxWaiting,
      this.report,
      this.telemetry,
    );
    for (const pattern of declaration.patterns) this.listeners.add(pattern, listener);
    this.all.add(listener);
    void this.follow();
    return () => {
      for (const pattern of declaration.patterns) this.listeners.remove(pattern, listener);
      this.all.delete(listener);
      listener.close();
    };
  }

  /**
   * Every event that matches, from the time of each subscription on. What a subscriber throws is logged.
   *
   * @throws SemanticEventsConfigError for what is no pattern
   */
  observe<T = unknown>(patterns: string | readonly string[]): Observable<SemanticEvent<T>> {
    checkPatterns([patterns].flat());
    return new SafeStream<SemanticEvent<T>>(subscriber =>
      this.subscribe<T>(patterns, event => {
        subscriber.next(event);
      }),
    );
  }

  /**
   * Events of the past that match, as far as the log reaches, oldest first.
   *
   * @param since a cursor: what came after it; from the beginning of the log where it is undefined
   * @param limit entries of the log looked at, matching or not. @default 1_000
   * @throws RefusalError `UNAVAILABLE`
   * @throws SemanticEventsConfigError for what is no pattern, or no limit
   */
  async replay<T = unknown>(
    patterns: string | readonly string[],
    since?: string,
    limit = DEFAULT_REPLAY,
  ): Promise<Replay<T>> {
    const wanted = [patterns].flat();
    checkPatterns(wanted, limit);
    const page = await this.feed.read(since, limit);
    const events = page.entries
      .filter(({ type }) => wanted.some(pattern => matchesPattern(type, pattern)))
      .map(({ cursor, text }) => ({ cursor, event: JSON.parse(text) as SemanticEvent<T> }));
    return { events, cursor: page.cursor, hasGap: page.isGap, isEnd: page.isEnd };
  }

  /**
   * Has every node ask again what the clients of a user may listen to, where that depends on more than the user's
   * token: a renewed token does it by itself. Resolves when this node has asked; the others do once they are told.
   *
   * @throws RefusalError `UNAVAILABLE` when other nodes may not have been told
   */
  async reauthorize(userId: string | number): Promise<void> {
    const user = String(userId);
    await Promise.all([
      this.feed.append('', JSON.stringify({ reauthorize: user })),
      this.hub.reauthorize(user),
    ]);
  }

  stats(): MeshStats {
    return {
      ...this.counts,
      handlers: this.all.size,
      subscribers: this.hub.count,
      subscriptions: this.hub.index.size,
      position: this.feed.position,
    };
  }

  entry({ cursor, type, text }: LogEntry): void {
    if (type === '') {
      this.note(JSON.parse(text) as { reauthorize?: string });
      return;
    }
    this.counts.received++;
    const listeners = this.listeners.match(type);
    if (listeners.size === 0) return;
    const event = frozen(JSON.parse(text) as SemanticEvent);
    const inOrder = [...listeners].sort((a, b) => b.priority - a.priority);
    for (const listener of inOrder) listener.offer(event, cursor);
  }

  gap(): void {
    this.counts.gaps++;
    this.logger.warn('Events of other nodes were lost on their way to this one');
  }

  /** Lets handlers that run end, for as long as `connection.shutdownTimeout`. */
  async onApplicationShutdown(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.retry);
    const listeners = [...this.all];
    await within(
      this.options.connection.shutdownTimeout,
      Promise.all(listeners.map(listener => listener.idle())),
    );
    for (const listener of listeners) listener.close();
  }

  /** Follows the log; a log that cannot be reached yet, which is told already, is tried again. */
  private async follow(): Promise<void> {
    if (this.isFollowing) return;
    this.isFollowing = true;
    try {
      await this.feed.start();
    } catch {
      if (this.isClosed) return;
      this.retry = setTimeout(() => {
        this.isFollowing = false;
        void this.follow();
      }, RETRY_INTERVAL).unref();
    }
  }

  private note({ reauthorize }: { reauthorize?: string }): void {
    if (reauthorize !== undefined) void this.hub.reauthorize(reauthorize);
  }
}

function checkPatterns(patterns: readonly unknown[], limit?: number): void {
  const problems = new Problems();
  problems.integer('limit', limit, { min: 1 });
  if (!patterns.every(pattern => typeof pattern === 'string' && isPattern(pattern)))
    problems.add('patterns', 'must be such as chat.**');
  problems.throwIfAny();
}

/** What one handler does to an event must not reach the next. */
function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value) as unknown[])
    if (typeof member === 'object' && member !== null) frozen(member);
  return Object.freeze(value);
}

async function within(time: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise(resolve => (timer = setTimeout(resolve, time)))]);
  clearTimeout(timer);
}
