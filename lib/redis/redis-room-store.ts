import { type RoomChange, type RoomCount, type RoomMember, RoomStore } from '../mesh/index.js';
import { contained } from '../monitoring/index.js';
import { CHANGE_ROOM_LUA, READ_ROOM_LUA } from './lua/rooms.lua.js';
import { type NodeLease, RENEWALS_PER_LEASE } from './redis-connection-store.js';
import type { RedisKeys } from './redis-keys.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const CHANGE = new Script(CHANGE_ROOM_LUA);
const READ = new Script(READ_ROOM_LUA);

/**
 * The number of rooms that are renewed together. Renewing all of a node at once would delay every other call to Redis. A node
 * with more than `RENEWED_AT_ONCE * MAX_BATCHES` rooms renews larger batches, so that a round fits into a lease.
 */
const RENEWED_AT_ONCE = 64;
const MAX_BATCHES = 100;

type ChangeReply = [isDone: number, joined: string[], left: string[]];
type ReadReply = [users: number, connections: number, left: string[], members: string[]];

/** The connections of this node in one room, with their users. */
interface OwnRoom {
  readonly clients: Map<string, string>;
  /** How many connections Redis has after it has executed all sent calls. Undefined if the number is unknown. */
  stored: number | undefined;
}

/**
 * Stores the rooms of all nodes. The keys of each room share a hash slot, so that rooms are distributed over the masters of a
 * cluster. A node keeps a copy of its own connections. If Redis may have lost some, the node sends all of them again.
 */
export class RedisRoomStore extends RoomStore {
  private readonly rooms = new Map<string, OwnRoom>();
  private readonly listeners: ((change: RoomChange) => void)[] = [];
  private heartbeat: NodeJS.Timeout | undefined;
  private readonly running = new Set<Promise<unknown>>();
  private isRenewing = false;
  private isClosed = false;

  constructor(
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly lease: NodeLease,
  ) {
    super();
  }

  /** @throws RedisUnavailableError by rejecting */
  async enter(name: string, client: string, user: string): Promise<void> {
    const renew = contained(() => this.renew());
    this.heartbeat ??= setInterval(renew, this.lease.lease / RENEWALS_PER_LEASE).unref();
    const room = this.rooms.get(name) ?? { clients: new Map<string, string>(), stored: 0 };
    if (room.clients.has(client)) return;
    this.rooms.set(name, room);
    room.clients.set(client, user);
    await this.change(name, room, { entered: [client, user] });
  }

  /** @throws RedisUnavailableError by rejecting; the next renewal retries it */
  async exit(name: string, client: string): Promise<void> {
    const room = this.rooms.get(name);
    if (!room?.clients.delete(client)) return;
    await this.change(name, room, { exited: client });
  }

  /** @throws RedisUnavailableError by rejecting */
  async count(name: string): Promise<RoomCount> {
    const [users, connections] = await this.read(name, 0);
    return { users, connections };
  }

  /** @throws RedisUnavailableError by rejecting */
  async members(name: string, limit: number): Promise<readonly RoomMember[]> {
    const [, , , found] = await this.read(name, limit);
    return Array.from({ length: found.length / 2 }, (_, at) => ({
      user: found[2 * at] ?? '',
      connections: Number(found[2 * at + 1]),
    }));
  }

  watch(listener: (change: RoomChange) => void): void {
    this.listeners.push(listener);
  }

  /** Removes the connections of this node, and waits until Redis has confirmed it. */
  async close(): Promise<void> {
    clearInterval(this.heartbeat);
    this.isClosed = true;
    await Promise.allSettled(this.running);
  }

  /** Renews the lease of every room, one batch after the other. A slow Redis never has two rounds at once. */
  private async renew(): Promise<void> {
    if (this.isRenewing) return;
    this.isRenewing = true;
    const names = [...this.rooms.keys()];
    const size = Math.max(RENEWED_AT_ONCE, Math.ceil(names.length / MAX_BATCHES));
    for (let at = 0; at < names.length && !this.isClosed; at += size)
      await Promise.allSettled(
        names.slice(at, at + size).map(async name => {
          const room = this.rooms.get(name);
          if (room) await this.change(name, room, {});
        }),
      );
    this.isRenewing = false;
  }

  private change(
    name: string,
    room: OwnRoom,
    { entered = [], exited }: { entered?: string[]; exited?: string },
  ): Promise<void> {
    const { stored } = room;
    const work =
      stored === undefined
        ? this.replace(name, room)
        : this.send(
            name,
            room,
            [stored, exited === undefined ? 0 : 1, exited ?? [], entered].flat(),
          );
    if (room.clients.size === 0 && room.stored === 0) this.rooms.delete(name);
    this.running.add(work);
    const done = contained(() => {
      this.running.delete(work);
    });
    work.then(done, done);
    return work;
  }

  private async replace(name: string, room: OwnRoom): Promise<void> {
    await this.send(name, room, [-1, 0, ...[...room.clients].flat()]);
  }

  private async send(name: string, room: OwnRoom, args: (string | number)[]): Promise<void> {
    const isWhole = args[0] === -1;
    room.stored = room.clients.size;
    let reply: ChangeReply;
    try {
      const { node, lease } = this.lease;
      reply = (await this.batch.run(CHANGE, this.keysOf(name), [
        node,
        lease,
        ...args,
      ])) as ChangeReply;
    } catch (error) {
      // Redis may have executed the call: the next renewal sends all connections again.
      const current = this.rooms.get(name) ?? room;
      current.stored = undefined;
      this.rooms.set(name, current);
      throw error;
    }
    const [isDone, joined, left] = reply;
    if (joined.length > 0 || left.length > 0) this.notify({ room: name, joined, left });
    if (isDone === 1 || isWhole) return;
    // Meanwhile the node may have left the room, and entered it again.
    await this.replace(name, this.rooms.get(name) ?? room);
  }

  private async read(name: string, limit: number): Promise<ReadReply> {
    const reply = (await this.batch.run(READ, this.keysOf(name), [limit])) as ReadReply;
    const [, , left] = reply;
    if (left.length > 0) this.notify({ room: name, joined: [], left });
    return reply;
  }

  private notify(change: RoomChange): void {
    for (const listener of this.listeners) listener(change);
  }

  private keysOf(name: string): string[] {
    const { users, nodes } = this.keys.room(name);
    return [users, nodes];
  }
}
