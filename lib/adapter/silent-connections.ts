import type { Socket } from 'node:net';
import { addressGroup } from '../connection/index.js';

export interface SilenceLimits {
  /** Connections at once in all. */
  readonly total: number;
  /** Connections at once from one address, or one IPv6 /64. */
  readonly perAddress: number;
}

/** More than a server accepts at a time: ordinary peers, whose request is on its way, are not among the oldest. */
const SILENCE_LIMITS: SilenceLimits = { total: 10_000, perAddress: 1_000 };

interface Silent {
  readonly key: string;
  readonly socket: Socket;
  readonly group: string;
  readonly since: number;
  readonly onClose: () => void;
}

/**
 * The TCP connections of one server that have not sent a request yet. Where they are too many, the oldest is dropped:
 * whoever is served at all has sent his by then.
 */
export class SilentConnections {
  /** Both in the order in which the connections were made. */
  private readonly all = new Map<string, Silent>();
  private readonly groups = new Map<string, Set<Silent>>();

  constructor(private readonly limits: SilenceLimits = SILENCE_LIMITS) {}

  get size(): number {
    return this.all.size;
  }

  /** @param now monotonic milliseconds */
  add(socket: Socket, now: number): void {
    const key = keyOf(socket);
    // Gone already, or of this machine, by a Unix socket.
    if (key === undefined || socket.remoteAddress === undefined) return;
    this.forget(key);
    const onClose = () => {
      this.forget(key);
    };
    const silent = { key, socket, group: addressGroup(socket.remoteAddress), since: now, onClose };
    const group = this.groups.get(silent.group) ?? new Set();
    this.groups.set(silent.group, group.add(silent));
    this.all.set(key, silent);
    socket.once('close', onClose);
    if (group.size > this.limits.perAddress) this.dropFirst(group);
    if (this.all.size > this.limits.total) this.dropFirst(this.all.values());
  }

  /** Notes that a connection has sent a request. */
  heard(socket: Socket): void {
    const key = keyOf(socket);
    if (key !== undefined) this.forget(key);
  }

  /** Drops those that were made at a time, in monotonic milliseconds, or before. */
  dropSince(time: number): void {
    for (const silent of this.all.values()) if (silent.since <= time) this.drop(silent);
  }

  private dropFirst(connections: Iterable<Silent>): void {
    for (const oldest of connections) {
      this.drop(oldest);
      return;
    }
  }

  private drop({ key, socket }: Silent): void {
    this.forget(key);
    socket.destroy();
  }

  private forget(key: string): void {
    const silent = this.all.get(key);
    if (!silent) return;
    this.all.delete(key);
    silent.socket.off('close', silent.onClose);
    const group = this.groups.get(silent.group);
    group?.delete(silent);
    if (group?.size === 0) this.groups.delete(silent.group);
  }
}

/** The same for a TCP connection and for the TLS connection within, which is another object. */
function keyOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
