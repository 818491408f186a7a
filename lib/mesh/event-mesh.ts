import { randomUUID } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  Optional,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import {
  compilePatterns,
  completeEvent,
  encodeBytes,
  isPattern,
  type SemanticEvent,
  type SemanticEventInit,
  validateEvent,
} from '../event/index.js';
import { attempt, SafeStream, Telemetry } from '../monitoring/index.js';
import {
  givenUserId,
  Problems,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { callError } from '../protocol/index.js';
import { canonicalize } from '../signing/index.js';
import {
  type Address,
  addressOf,
  assertRoomName,
  type Audience,
  EVERYBODY,
  PUBLIC,
} from './audience.js';
import { CursorSeal } from './cursor-seal.js';
import { EventFeed } from './event-feed.js';
import type { EventHandler, EventHandlerOptions } from './event-listener.js';
import type { LogEntry, LogFollower } from './event-log.js';
import { MeshHandlers } from './mesh-handlers.js';
import { type RoomChange, type RoomCount, type RoomMember, RoomStore } from './room-store.js';
import { SubscriptionHub } from './subscription-hub.js';

/** An event that `replay` returns. */
export interface ReplayedEvent<T = unknown> {
  readonly cursor: string;
  readonly event: SemanticEvent<T>;
}

export interface Replay<T = unknown> {
  readonly events: readonly ReplayedEvent<T>[];
  /** The cursor for the next call. */
  readonly cursor: string;
  /** Whether the log no longer has all entries after the requested cursor. */
  readonly hasGap: boolean;
  /** Whether the log had no further entries. */
  readonly isEnd: boolean;
}

/** Counters of this node since its start, and its current state. */
export interface MeshStats {
  readonly published: number;
  /** The number of events of all nodes that this node has received. */
  readonly received: number;
  readonly handlers: number;
  /** The number of handler calls that failed without retries left. */
  readonly failed: number;
  /** The number of events that handlers missed because too many were waiting (`mesh.maxWaiting`). */
  readonly missed: number;
  /** How often this node lost events of the log. */
  readonly gaps: number;
  /** The number of clients with at least one pattern. */
  readonly subscribers: number;
  /** The number of pairs of client and pattern. A client that is still receiving missed events is not counted. */
  readonly subscriptions: number;
  /** The cursor up to which this node has received the log. It is undefined until this node follows the log. */
  readonly position: string | undefined;
}

/** An internal message between nodes. */
interface Notice {
  /** The id of a user whose rights must be authorized again. */
  readonly reauthorize?: string;
  /** The node that sends the notice. Earlier versions omit it. */
  readonly node?: string;
}

/** The default number of entries that one `replay` scans. */
const DEFAULT_REPLAY = 1_000;

/** The default number of users that `members` returns. */
const DEFAULT_MEMBERS = 1_000;

/** Delivers each published event to the handlers and subscribed clients of all nodes, once and in order. */
@Injectable()
export class EventMesh implements LogFollower, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger('EventMesh');
  private readonly node = randomUUID();
  private readonly counts = { published: 0, received: 0, gaps: 0 };
  private readonly handlers: MeshHandlers;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    private readonly feed: EventFeed,
    private readonly hub: SubscriptionHub,
    private readonly cursors: CursorSeal,
    private readonly rooms: RoomStore,
    @Optional() telemetry?: Telemetry,
  ) {
    this.handlers = new MeshHandlers({
      feed,
      limits: {
        maxWaiting: options.mesh.maxWaiting,
        maxWaitingSize: options.mesh.maxHistorySize,
      },
      telemetry,
      seal: cursor => cursors.seal(cursor),
      publish: (type, data) => this.emit(type, data),
    });
    feed.add(this);
    const hasPresence = compilePatterns(options.mesh.presence);
    rooms.watch(change => {
      if (hasPresence(change.room)) attempt(() => this.publishPresence(change));
    });
  }

  /**
   * Publishes an event to all handlers and clients that are subscribed to its type on all nodes, or to one audience. The mesh
   * adds a new nonce, and an `id` and a `time` if they are missing. It removes `semanticcorrelationid`, which marks replies.
   * A `Uint8Array` travels as `data_base64`.
   * It signs the event separately for each client.
   *
   * @param audience the only receivers of the event; handlers of the mesh do not receive an event with an audience
   * @returns the event as it was published
   * @throws InvalidArgumentError naming the attribute that is missing or malformed
   * @throws RefusedCallError `UNAVAILABLE` if storing is not confirmed; the event then reaches all receivers or none
   * @throws TypeError if its data cannot be encoded as JSON
   * @throws SemanticEventsConfigError for an invalid audience
   */
  async publish<T>(init: SemanticEventInit<T>, audience?: Audience): Promise<SemanticEvent<T>> {
    const to = audience === undefined ? EVERYBODY : addressOf(audience);
    return this.append('EventMesh.publish', init, to);
  }

  private async append<T>(
    call: string,
    init: SemanticEventInit<T>,
    { channel, attribute }: Address,
  ): Promise<SemanticEvent<T>> {
    const event: SemanticEvent<T> = completeEvent(init, this.clock.now());
    encodeBytes(event);
    // V8 slows down an object once `delete` was called for it, even for a member that it does not have.
    if (event.semanticsignature !== undefined) delete event.semanticsignature;
    if (event.semanticaudience !== undefined) delete event.semanticaudience;
    // A `cloudevents.json` client handles an event with this attribute as the reply to a request.
    if (event.semanticcorrelationid !== undefined) delete event.semanticcorrelationid;
    if (attribute !== undefined) event.semanticaudience = attribute;
    // A new id is unique, too.
    event.semanticnonce = init.id === undefined ? event.id : randomUUID();
    const text = canonicalize(event);
    try {
      validateEvent(JSON.parse(text), this.options.event);
      await this.feed.append({ channel, type: event.type, text });
    } catch (error) {
      throw callError(call, error);
    }
    this.counts.published++;
    return event;
  }

  /** Publishes an event like `publish`. Its source is `signing.source`, unless `attributes.source` is set. */
  async emit<T>(
    type: string,
    data: T,
    attributes: Partial<SemanticEventInit<T>> = {},
  ): Promise<SemanticEvent<T>> {
    return this.append('EventMesh.emit', this.initOf(type, data, attributes), EVERYBODY);
  }

  /**
   * Publishes an event to one user, session, connection or room on all nodes, like `publish`. The receivers need no right to
   * a pattern. A client receives the event if it subscribes to its type, or if it uses Socket.IO.
   */
  async emitTo<T>(
    audience: Audience,
    type: string,
    data: T,
    attributes: Partial<SemanticEventInit<T>> = {},
  ): Promise<SemanticEvent<T>> {
    // Untyped code may omit the audience: throw, because the event must not become public.
    const to = addressOf(audience);
    return this.append('EventMesh.emitTo', this.initOf(type, data, attributes), to);
  }

  /**
   * Adds a client to a room, until it leaves or its connection ends. `EventAuthorizer.canJoin` decides.
   *
   * @throws RefusedCallError `FORBIDDEN`, also for more than `mesh.maxRooms` and for a name that no room can have;
   * `UNAVAILABLE`
   */
  async join(client: Client, room: string): Promise<void> {
    try {
      await this.hub.rooms.join(client, room);
    } catch (error) {
      throw callError('EventMesh.join', error);
    }
  }

  /** Removes a client from a room. If it joins again, it receives no earlier events of the room. */
  leave(client: Client, room: string): void {
    this.hub.rooms.leave(client, room);
  }

  /**
   * Returns how many users and connections are in a room, on all nodes.
   *
   * @throws RefusalError `UNAVAILABLE`; `FORBIDDEN` for a name that no room can have
   */
  async count(room: string): Promise<RoomCount> {
    checkRoom('EventMesh.count', room);
    return this.feed.callLog(() => this.rooms.count(room));
  }

  /**
   * Returns the users in a room, on all nodes.
   *
   * @param limit the maximum number of users. @default 1_000
   * @throws RefusalError `UNAVAILABLE`; `FORBIDDEN` for a name that no room can have
   * @throws SemanticEventsConfigError for an invalid limit
   */
  async members(room: string, limit = DEFAULT_MEMBERS): Promise<readonly RoomMember[]> {
    checkRoom('EventMesh.members', room);
    checkPatterns([], limit);
    return this.feed.callLog(() => this.rooms.members(room, limit));
  }

  /**
   * Calls a function with every matching event from now on.
   *
   * @returns a function that ends the subscription
   * @throws SemanticEventsConfigError for an invalid pattern or option
   */
  subscribe<T = unknown>(
    patterns: string | readonly string[],
    handler: EventHandler<T>,
    options: EventHandlerOptions & { name?: string } = {},
  ): () => void {
    return this.handlers.add(patterns, handler as EventHandler, options);
  }

  /**
   * Returns a stream of matching events. Each subscription receives the events from its start on. Errors that a subscriber
   * throws are logged.
   *
   * @throws SemanticEventsConfigError for an invalid pattern
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
   * Returns matching events of the log, oldest first.
   *
   * @param since the cursor before the first event; undefined starts at the oldest entry of the log
   * @param limit the maximum number of scanned entries, matching or not. @default 1_000
   * @throws RefusalError `UNAVAILABLE`
   * @throws SemanticEventsConfigError for an invalid pattern or limit
   */
  async replay<T = unknown>(
    patterns: string | readonly string[],
    since?: string,
    limit = DEFAULT_REPLAY,
  ): Promise<Replay<T>> {
    const wanted = [patterns].flat();
    checkPatterns(wanted, limit);
    const after = since === undefined ? undefined : this.cursors.open(since);
    const page = await this.feed.read({ channels: [PUBLIC], after, limit });
    const matches = compilePatterns(wanted);
    const events = page.entries
      .filter(({ type }) => matches(type))
      .map(({ cursor, text }) => ({
        cursor: this.cursors.seal(cursor),
        event: JSON.parse(text) as SemanticEvent<T>,
      }));
    const cursor = this.cursors.seal(page.cursor);
    return { events, cursor, hasGap: page.isGap, isEnd: page.isEnd };
  }

  /**
   * Authorizes the patterns and rooms of a user's clients again, on all nodes. Call it when the rights of a user change without
   * a new token. A renewed token does this automatically. Resolves when this node has finished; other nodes follow.
   *
   * @throws InvalidArgumentError for an id that no user has
   * @throws RefusalError `UNAVAILABLE` if other nodes may not have received the request
   */
  async reauthorize(userId: string | number): Promise<void> {
    const user = givenUserId(userId, 'EventMesh.reauthorize');
    // The authorization below grants the remaining rights again, with their original start.
    await this.hub.withdraw(user);
    const text = JSON.stringify({ reauthorize: user, node: this.node });
    // Authorize on this node also if the log fails at once.
    const notify = async () => this.feed.append({ channel: PUBLIC, type: '', text });
    await Promise.all([notify(), this.hub.reauthorize(user)]);
  }

  private initOf<T>(
    type: string,
    data: T,
    attributes: Partial<SemanticEventInit<T>>,
  ): SemanticEventInit<T> {
    const { source } = this.options.signing;
    const datacontenttype =
      data instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
    return { source, datacontenttype, ...attributes, type, data };
  }

  stats(): MeshStats {
    const { position } = this.feed;
    return {
      ...this.counts,
      ...this.handlers.counts,
      handlers: this.handlers.size,
      subscribers: this.hub.count,
      subscriptions: this.hub.index.size,
      position: position === undefined ? undefined : this.cursors.seal(position),
    };
  }

  entry(entry: LogEntry): void {
    if (entry.channel !== PUBLIC) return;
    if (entry.type === '') {
      this.note(JSON.parse(entry.text) as Notice);
      return;
    }
    this.counts.received++;
    this.handlers.handle(entry);
  }

  gap(): void {
    this.counts.gaps++;
    this.logger.warn('Events of other nodes were lost on their way to this one');
    this.handlers.wake();
  }

  /** Waits for the handlers with `delivery: 'once'` while the stores are still open. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.handlers.leaveGroups(this.options.connection.shutdownTimeout);
  }

  /** Waits up to `connection.shutdownTimeout` for running handlers. */
  async onApplicationShutdown(): Promise<void> {
    await this.handlers.close(this.options.connection.shutdownTimeout);
  }

  private async publishPresence({ room, joined, left }: RoomChange): Promise<void> {
    for (const user of left) await this.emitTo({ room }, 'presence.left', { room, user });
    for (const user of joined) await this.emitTo({ room }, 'presence.joined', { room, user });
  }

  private note({ reauthorize, node }: Notice): void {
    // This node does not wait for its own notice.
    if (reauthorize !== undefined && node !== this.node)
      attempt(() => this.hub.reauthorize(reauthorize));
  }
}

/** @throws RefusedCallError `FORBIDDEN` for a name that no room can have */
function checkRoom(call: string, room: unknown): void {
  try {
    assertRoomName(room);
  } catch (error) {
    throw callError(call, error);
  }
}

function checkPatterns(patterns: readonly unknown[], limit?: number): void {
  const problems = new Problems();
  problems.integer('limit', limit, { min: 1 });
  if (!patterns.every(pattern => typeof pattern === 'string' && isPattern(pattern)))
    problems.add('patterns', 'must be patterns such as chat.**');
  problems.throwIfAny();
}
