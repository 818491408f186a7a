import type { MaybePromise } from '../maybe-promise.js';

/** A user in a room. */
export interface RoomMember {
  readonly user: string;
  /** The number of connections of the user in the room, on all nodes. */
  readonly connections: number;
}

export interface RoomCount {
  readonly users: number;
  /** The number of connections, including clients without a user. */
  readonly connections: number;
}

/** Users whose first connection has joined a room, and users whose last connection has left it. */
export interface RoomChange {
  readonly room: string;
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/**
 * Stores the members of every room on all nodes. When a node crashes, its connections are removed after its lease expires.
 * A port: replace it by DI, or together with all other stores.
 */
export abstract class RoomStore {
  /**
   * Adds a connection of this node to a room.
   *
   * @param user empty for a client without a user
   * @throws if storing is not confirmed
   */
  abstract enter(room: string, client: string, user: string): MaybePromise<void>;

  /** Removes a connection of this node. A failed removal is retried. */
  abstract exit(room: string, client: string): MaybePromise<void>;

  abstract count(room: string): MaybePromise<RoomCount>;

  /** Returns users in the room. @param limit the maximum number of users */
  abstract members(room: string, limit: number): MaybePromise<readonly RoomMember[]>;

  /** Calls a function for each change that this node notices. Only one node notices each change. */
  abstract watch(listener: (change: RoomChange) => void): void;
}
