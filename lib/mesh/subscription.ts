import type { Client } from '../connection/index.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { Code, RefusalDetails, RefusalError } from '../protocol/index.js';
import type { Delivery, Recipient } from './delivery.js';
import type { LogEntry, LogPage, LogQuery } from './event-log.js';
import type { PatternIndex } from './pattern-index.js';
import type { WaitingRequests } from './waiting-requests.js';

/** The connection of a subscriber. The adapter creates it. */
export interface SubscriptionOutlet extends Recipient {
  readonly isOpen: boolean;
  refuse(code: Code, details?: RefusalDetails): void;
  end(code: Code, details?: RefusalDetails): void;
}

/** Receives the events that match a pattern. */
export interface Subscriber {
  deliver(delivery: Delivery): void;
  /** Called when the subscriber may have missed events. */
  reportGap(cursor: string): void;
}

/** Receives all events of a channel. */
export interface ChannelMember {
  deliverOwn(delivery: Delivery): void;
  reportGap(cursor: string): void;
}

/** A channel that belongs to one client. */
export interface OwnChannel {
  readonly channel: string;
  /** The cursor since which the channel belongs to the client. */
  readonly since: string;
}

/** The dependencies that the subscriptions of all clients of a node share. */
export interface SubscriptionSource {
  readonly maxPatterns: number;
  /** Returns the number of patterns that the client has in its other Socket.IO namespaces. */
  patternsBeside(subscriptions: { readonly client: Client }): number;
  /** Whether clients may receive public events, and so have the public key of broadcasts. */
  readonly isOpen: boolean;
  /** Limits the memory of waiting requests. */
  readonly waiting: WaitingRequests;
  /** The subscribers of public events. */
  readonly index: PatternIndex<Subscriber>;
  /** The position up to which events were delivered on this node. */
  readonly position: string | undefined;
  /** Starts to deliver events, and returns the position. */
  start(): MaybePromise<string>;
  /** Reads the log for a client when it is its user's turn. */
  read(client: Client, query: LogQuery): MaybePromise<LogPage>;
  deliveryOf(entry: LogEntry): Delivery;
  /** Returns the channels that belong to a client now. */
  channelsOf(client: Client): readonly OwnChannel[];
  listen(channel: string, member: ChannelMember): MaybePromise<void>;
  unlisten(channel: string, member: ChannelMember): void;
  /**
   * Authorizes a pattern for a client.
   *
   * @param since the cursor since which the client has had the right until now
   * @returns the cursor since which the client has the right, or undefined if it has none
   * @throws RefusalError `UNAVAILABLE` if the authorizer fails
   */
  allows(client: Client, pattern: string, since?: string): MaybePromise<string | undefined>;
  /** Returns why a client may not subscribe to a pattern, for operators. */
  whyForbidden(pattern: string): string;
  /** Encrypts a cursor for clients. */
  sealCursor(cursor: string): string;
  /** Decrypts a cursor of a client. */
  openCursor(sealed: string): string;
  /** Returns the refusal for the error of a failed frame. */
  refusalOf(error: unknown): RefusalError;
}
