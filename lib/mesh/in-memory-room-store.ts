import { type RoomChange, type RoomCount, type RoomMember, RoomStore } from './room-store.js';

/** The connections of one room with their users, and the number of connections of each user. */
interface Room {
  readonly clients: Map<string, string>;
  readonly users: Map<string, number>;
}

/** The rooms of an application with a single process. Its memory is bounded, because `mesh.maxRooms` limits each connection. */
export class InMemoryRoomStore extends RoomStore {
  private readonly rooms = new Map<string, Room>();
  private readonly listeners: ((change: RoomChange) => void)[] = [];

  enter(name: string, client: string, user: string): void {
    const room = this.rooms.get(name) ?? newRoom();
    if (room.clients.has(client)) return;
    this.rooms.set(name, room);
    room.clients.set(client, user);
    if (user === '') return;
    const connections = room.users.get(user) ?? 0;
    room.users.set(user, connections + 1);
    if (connections === 0) this.notify({ room: name, joined: [user], left: [] });
  }

  exit(name: string, client: string): void {
    const room = this.rooms.get(name);
    const user = room?.clients.get(client);
    if (!room || user === undefined) return;
    room.clients.delete(client);
    if (room.clients.size === 0) this.rooms.delete(name);
    if (user === '') return;
    const connections = room.users.get(user) ?? 1;
    if (connections > 1) {
      room.users.set(user, connections - 1);
      return;
    }
    room.users.delete(user);
    this.notify({ room: name, joined: [], left: [user] });
  }

  count(name: string): RoomCount {
    const room = this.rooms.get(name);
    return { users: room?.users.size ?? 0, connections: room?.clients.size ?? 0 };
  }

  members(name: string, limit: number): readonly RoomMember[] {
    const members: RoomMember[] = [];
    for (const [user, connections] of this.rooms.get(name)?.users ?? []) {
      if (members.length === limit) break;
      members.push({ user, connections });
    }
    return members;
  }

  watch(listener: (change: RoomChange) => void): void {
    this.listeners.push(listener);
  }

  private notify(change: RoomChange): void {
    for (const listener of this.listeners) listener(change);
  }
}

function newRoom(): Room {
  return { clients: new Map(), users: new Map() };
}
