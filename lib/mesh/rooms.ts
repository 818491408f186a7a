import type { Client } from '../connection/index.js';
import { isThenable, type MaybePromise } from '../maybe-promise.js';
import { RefusalError } from '../protocol/index.js';
import { assertRoomName, channelOf } from './audience.js';
import type { ListeningRights } from './listening-rights.js';

/** The part of the hub that rooms use. */
export interface RoomsSource {
  readonly maxRooms: number;
  readonly rights: ListeningRights;
  /** Starts to follow the log, so that this node receives withdrawals. @throws RefusalError `UNAVAILABLE` */
  start(): MaybePromise<unknown>;
  /** Starts to deliver the events of a channel, if the client has opened subscriptions. */
  listenTo(client: Client, channel: string, since: string): Promise<void>;
  leave(client: Client, channel: string): void;
  /** Stores that a client is in a room. @throws RefusalError `UNAVAILABLE` by rejecting */
  enter(client: Client, room: string): Promise<void>;
  exit(client: Client, room: string): void;
  /** Ends the connection, because the rights of the client are unknown. The client reconnects and resumes. */
  fail(client: Client, error: unknown): void;
}

interface Membership {
  readonly channel: string;
  readonly since: string;
}

/** A join that waits for the authorizer or the store. `leave` cancels it. */
interface Join {
  done: Promise<void>;
}

/** The rooms of one client. */
class ClientRooms {
  readonly joined = new Map<string, Membership>();
  readonly joining = new Map<string, Join>();
  /** The number of times that the rights of the client may have changed. */
  rights = 0;

  get size(): number {
    return this.joined.size + this.joining.size;
  }
}

/** The rooms of the clients of this node. */
export class Rooms {
  private readonly clients = new Map<Client, ClientRooms>();
  private readonly ended = new WeakSet<Client>();

  constructor(private readonly source: RoomsSource) {}

  /** The clients that are in a room or are joining one. */
  get members(): readonly Client[] {
    return [...this.clients.keys()];
  }

  /** Returns whether the connection of a client has ended. */
  hasEnded(client: Client): boolean {
    return this.ended.has(client);
  }

  /** Returns the channels of a client's rooms, each with the cursor since which the client has the right. */
  of(client: Client): readonly Membership[] {
    return [...(this.clients.get(client)?.joined.values() ?? [])];
  }

  /**
   * Adds a client to a room. If the client leaves or disconnects before the authorizer answers, the call does nothing.
   *
   * @throws RefusalError `FORBIDDEN`, also for more than `mesh.maxRooms` and for a name that no room can have; `UNAVAILABLE`
   */
  async join(client: Client, room: string): Promise<void> {
    assertRoomName(room);
    const channel = channelOf({ room });
    if (this.ended.has(client)) return;
    const rooms = this.clients.get(client) ?? new ClientRooms();
    if (rooms.joined.has(room)) return;
    let join = rooms.joining.get(room);
    if (!join) {
      if (rooms.size >= this.source.maxRooms)
        throw new RefusalError('FORBIDDEN', {
          reason: `more than mesh.maxRooms (${this.source.maxRooms})`,
        });
      this.clients.set(client, rooms);
      join = { done: Promise.resolve() };
      rooms.joining.set(room, join);
      join.done = this.admit(client, rooms, room, channel, join);
    }
    await join.done;
  }

  /** Removes a client from a room, and cancels a join in progress. */
  leave(client: Client, room: string): void {
    const rooms = this.clients.get(client);
    if (!rooms) return;
    const wasJoining = rooms.joining.delete(room);
    const wasJoined = rooms.joined.delete(room);
    this.forgetIfEmpty(client, rooms);
    if (!wasJoining && !wasJoined) return;
    this.source.rights.forgetRoom(client, room);
    if (!wasJoined) return;
    this.source.leave(client, channelOf({ room }));
    this.source.exit(client, room);
  }

  /** Authorizes the rooms of a user's clients again. Removes clients from forbidden rooms. */
  async reauthorize(userId: string): Promise<void> {
    const meant = this.members.filter(({ user }) => String(user?.id) === userId);
    await Promise.all(meant.map(async client => this.reauthorizeClient(client)));
  }

  /**
   * Authorizes the rooms of a client again, and removes it from forbidden rooms. If the authorizer fails, the client leaves
   * the room, because its right is unknown.
   */
  async reauthorizeClient(client: Client): Promise<void> {
    const rooms = this.clients.get(client);
    if (!rooms) return;
    rooms.rights++;
    await Promise.all(
      [...rooms.joined].map(async ([room, membership]) => {
        // The client may leave the room meanwhile. If it joins again, that was another decision.
        const isWanted = () => rooms.joined.get(room) === membership && !this.ended.has(client);
        const { since } = membership;
        try {
          const right = await this.source.rights.toRoom(client, room, { since, isWanted });
          if (right === undefined && isWanted()) this.leave(client, room);
        } catch (error) {
          if (!isWanted()) return;
          this.leave(client, room);
          this.source.fail(client, error);
        }
      }),
    );
  }

  /** Forgets a client whose connection has ended. */
  close(client: Client): void {
    this.ended.add(client);
    const rooms = this.clients.get(client);
    this.clients.delete(client);
    for (const room of rooms?.joined.keys() ?? []) this.source.exit(client, room);
  }

  private async admit(
    client: Client,
    rooms: ClientRooms,
    room: string,
    channel: string,
    join: Join,
  ): Promise<void> {
    const isWanted = () => rooms.joining.get(room) === join && !this.ended.has(client);
    try {
      let since: string | undefined;
      let rights: number;
      const starting = this.source.start();
      if (isThenable(starting)) await starting;
      if (!isWanted()) return;
      do {
        ({ rights } = rooms);
        since = await this.source.rights.toRoom(client, room, { isWanted });
        // Rights may have changed while the authorizer decided: its answer is out of date then.
      } while (since !== undefined && isWanted() && rights !== rooms.rights);
      if (!isWanted()) return;
      if (since === undefined)
        throw new RefusalError('FORBIDDEN', { reason: this.source.rights.whyNoRoom });
      const membership = { channel, since };
      rooms.joining.delete(room);
      rooms.joined.set(room, membership);
      try {
        // Listen first, so that the client receives its own `presence.joined`.
        await this.source.listenTo(client, channel, since);
        // The connection may end, or the client may leave, while the node begins to listen.
        const isMember = rooms.joined.get(room) === membership && !this.ended.has(client);
        if (isMember) await this.source.enter(client, room);
      } catch (error) {
        if (rooms.joined.get(room) === membership) this.leave(client, room);
        throw error;
      }
    } finally {
      if (rooms.joining.get(room) === join) rooms.joining.delete(room);
      this.forgetIfEmpty(client, rooms);
    }
  }

  private forgetIfEmpty(client: Client, rooms: ClientRooms): void {
    // After the client has left all rooms, a later join creates new ones. A join that was cancelled must not remove those.
    if (rooms.size === 0 && this.clients.get(client) === rooms) this.clients.delete(client);
  }
}
