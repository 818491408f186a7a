import { isPattern, matchesPattern } from '../event/patterns.js';
import type { SemanticEvent } from '../event/semantic-event.js';
import { SemanticEventsClientError } from './client-error.js';
import type { ResolvedClientOptions } from './client-options.js';
import type { Connection, ServerFrame } from './connection.js';
import { deferred } from './deferred.js';

/** Ends a subscription. */
export interface Unsubscribe {
  (): void;
  /** Resolves once the server sends what was asked for; rejects when it refuses, or when nobody wants it any more. */
  readonly ready: Promise<void>;
}

interface Subscription {
  patterns: readonly string[];
  handle(event: SemanticEvent): void;
  /** Told once the server sends what matches. */
  confirmed(): void;
  /** Told when it has ended by something else than the caller's wish. */
  ended: Fail;
  /** Everything after it has not been received yet. */
  cursor?: string;
  /** Whether the server has confirmed it on the connection there is. */
  isLive?: boolean;
}

type Fail = (error: SemanticEventsClientError) => void;

/** Sends a frame that is answered: by `resolve` in the order of frames, or by `reject`. */
type Ask = (frame: object, resolve: (answer: ServerFrame) => void, reject: Fail) => void;

export type Subscriptions = ReturnType<typeof subscriptions>;

/** What is subscribed to, over all connections: asked for anew on each, from where the last one ended. */
export function subscriptions(options: ResolvedClientOptions, ask: Ask, failed: Fail) {
  const entries = new Set<Subscription>();
  /** What ends the waiting to ask again: of several subscriptions at once, some of which may end meanwhile. */
  const retries = new Set<() => void>();
  let connection: Connection | undefined;
  let closedBy: SemanticEventsClientError | undefined;

  const request = (asked: readonly Subscription[], on = connection) => {
    const group = asked.filter(entry => entries.has(entry));
    const [first] = group;
    if (!first || !on || on !== connection) return;
    const frame = {
      type: 'subscribe',
      patterns: [...new Set(group.flatMap(({ patterns }) => patterns))],
      since: first.cursor,
      signatures: on.canVerifyBroadcasts() ? 'v1e' : undefined,
    };
    ask(
      frame,
      ({ cursor }) => {
        for (const entry of group) {
          entry.isLive = true;
          entry.cursor = cursor as string;
          entry.confirmed();
        }
      },
      error => {
        // Lost with its connection, it is asked for again on the next one.
        if (!on.isOpen()) return;
        if (error.retryable) {
          failed(error);
          const delay = error.retryAfter ?? options.random() * options.maxBackoff;
          const cancel = options.clock.after(delay, () => {
            retries.delete(cancel);
            request(group, on);
          });
          retries.add(cancel);
        } else if (group.length > 1) {
          // A refusal is of the whole frame: asked one by one, only those end that deserve it.
          for (const entry of group) request([entry]);
        } else {
          withdraw(first.patterns, error.code, group);
        }
      },
    );
  };

  /** What the server does not send is asked for no more; a subscription of which nothing is left has ended. */
  const withdraw = (patterns: readonly string[], code = 'FORBIDDEN', from = [...entries]) => {
    const error = new SemanticEventsClientError(code, { patterns });
    failed(error);
    for (const entry of from) {
      entry.patterns = entry.patterns.filter(pattern => !patterns.includes(pattern));
      if (entry.patterns.length === 0 && entries.delete(entry)) entry.ended(error);
    }
  };

  const suspend = () => {
    connection = undefined;
    for (const entry of entries) entry.isLive = false;
    for (const cancel of retries) cancel();
    retries.clear();
  };

  const remove = (entry: Subscription) => {
    if (!entries.delete(entry)) return;
    const wanted = [...entries].flatMap(({ patterns }) => patterns);
    const patterns = entry.patterns.filter(pattern => !wanted.includes(pattern));
    // With an id, so that its answer is not taken for a right withdrawn.
    if (patterns.length > 0)
      connection?.send({ type: 'unsubscribe', patterns, id: crypto.randomUUID() });
  };

  return {
    /** @throws SemanticEventsClientError `INVALID_EVENT` for what is not a pattern */
    add(
      given: string | readonly string[],
      handle: Subscription['handle'],
      ended?: Fail,
    ): Unsubscribe {
      const patterns = [given].flat();
      if (!patterns.length || !patterns.every(pattern => pattern && isPattern(pattern)))
        throw new SemanticEventsClientError('INVALID_EVENT', { patterns });
      const { promise: ready, resolve, reject } = deferred<undefined>();
      const entry: Subscription = {
        patterns,
        handle,
        confirmed: () => {
          resolve(undefined);
        },
        ended: error => {
          reject(error);
          ended?.(error);
        },
      };
      if (closedBy) {
        entry.ended(closedBy);
      } else {
        entries.add(entry);
        request([entry]);
      }
      const unsubscribe = () => {
        remove(entry);
        reject(new SemanticEventsClientError('CLOSED', { patterns }));
      };
      return Object.assign(unsubscribe, { ready });
    },
    /** Asks for everything: in one frame for what was received up to the same point, which is mostly all. */
    resume(on: Connection): void {
      connection = on;
      const groups = new Map<unknown, Subscription[]>();
      for (const entry of entries)
        groups.set(entry.cursor, [...(groups.get(entry.cursor) ?? []), entry]);
      for (const group of groups.values()) request(group);
    },
    suspend,
    /** Hands an event to whoever asked for its type. */
    deliver: (event: SemanticEvent): void => {
      for (const entry of [...entries])
        // One handler may have ended the subscription of another.
        if (
          entries.has(entry) &&
          entry.patterns.some(pattern => matchesPattern(event.type, pattern))
        )
          entry.handle(event);
    },
    /** Notes how far everything live has been received. */
    advance: (cursor: string): void => {
      for (const entry of entries) if (entry.isLive) entry.cursor = cursor;
    },
    /** Events of these patterns before the cursor may have been lost. */
    skip: (patterns: readonly string[], cursor: string): void => {
      for (const entry of entries)
        if (entry.patterns.some(pattern => patterns.includes(pattern))) entry.cursor = cursor;
    },
    withdraw,
    close(error: SemanticEventsClientError): void {
      closedBy = error;
      suspend();
      for (const entry of entries) entry.ended(error);
      entries.clear();
    },
  };
}
