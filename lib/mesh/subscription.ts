import type { Client } from '../connection/index.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { Code, RefusalDetails } from '../protocol/index.js';
import type { Delivery, Recipient } from './delivery.js';
import type { LogEntry, LogPage } from './event-log.js';
import type { PatternIndex } from './pattern-index.js';

/** The connection of a subscriber; the adapter makes them. */
export interface SubscriptionOutlet extends Recipient {
  readonly isOpen: boolean;
  refuse(code: Code, details?: RefusalDetails): void;
  end(code: Code): void;
}

/** Who is called for what matches a pattern. */
export interface Subscriber {
  deliver(delivery: Delivery): void;
  /** Told when events may be lost to it. */
  tellGap(cursor: string): void;
}

/** What all clients of a node share. */
export interface SubscriptionSource {
  readonly maxPatterns: number;
  /** Who is called for which events. */
  readonly index: PatternIndex<Subscriber>;
  /** Up to where events were told on this node. */
  readonly position: string | undefined;
  /** Begins to tell events, and returns the position. */
  start(): MaybePromise<string>;
  read(after: string, limit: number): MaybePromise<LogPage>;
  deliveryOf(entry: LogEntry): Delivery;
  /** Whether a client may listen to a pattern. */
  allows(client: Client, pattern: string): MaybePromise<boolean>;
  /** What a client is told when its frame fails. */
  codeOf(error: unknown): Code;
}
