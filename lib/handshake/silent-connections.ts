import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type AddressGroup, addressGroups } from '../connection/index.js';
import { contained } from '../monitoring/index.js';

export interface SilenceLimits {
  /** The maximum number of silent connections. */
  readonly total: number;
  /** The maximum from one address or IPv6 /64; four times as many from a /56, sixteen times from a /48. */
  readonly perAddress: number;
}

/** Default limits. They are above what a server accepts at once, so a client whose request is under way is never the oldest. */
const SILENCE_LIMITS: SilenceLimits = { total: 10_000, perAddress: 1_000 };

interface Tracked {
  readonly key: string;
  readonly socket: Socket;
  readonly groups: readonly AddressGroup[];
  readonly onClose: () => void;
  /** When the wait for a request began, in monotonic milliseconds; Infinity if the HTTP server ends the connection. */
  since: number;
  /** The running HTTP requests: one, or several over HTTP/2. */
  readonly requests: Set<IncomingMessage>;
  /** The bytes of all answers so far. */
  answered: number;
  /** The socket of an upgrade that another listener may answer. */
  upgrading: Socket | undefined;
}

/**
 * The TCP connections of one server that are not WebSockets. A connection without a running request is silent, even if it has
 * sent data. If there are too many silent connections, the oldest one is dropped.
 */
export class SilentConnections {
  private readonly all = new Map<string, Tracked>();
  /** The silent connections, in the order in which they fell silent. `groups` has the same order. */
  private readonly silent = new Set<Tracked>();
  private readonly groups = new Map<string, Set<Tracked>>();

  constructor(private readonly limits: SilenceLimits = SILENCE_LIMITS) {}

  get size(): number {
    return this.silent.size;
  }

  /** @param now monotonic milliseconds */
  add(socket: Socket, now: number): void {
    const { remoteAddress } = socket;
    // The connection is already gone, or it is a Unix socket of this machine.
    if (remoteAddress === undefined) return;
    const key = keyOf(socket);
    this.forget(key);
    const onClose = contained(() => {
      this.forget(key);
    });
    const groups = addressGroups(remoteAddress);
    const requests = new Set<IncomingMessage>();
    const rest = { since: now, requests, answered: 0, upgrading: undefined };
    const tracked = { key, socket, groups, onClose, ...rest };
    this.all.set(key, tracked);
    socket.once('close', onClose);
    this.fallSilent(tracked);
  }

  /** Records a request of a connection. @returns a function to call when the request is answered */
  handling(request: IncomingMessage): (() => void) | undefined {
    const tracked = this.find(request.socket);
    if (!tracked) return undefined;
    tracked.requests.add(request);
    this.removeSilent(tracked);
    return () => {
      tracked.requests.delete(request);
      tracked.answered = request.socket.bytesWritten;
      if (tracked.requests.size > 0 || this.all.get(tracked.key) !== tracked) return;
      // From here on the keep-alive timeout of the HTTP server applies.
      tracked.since = Infinity;
      this.fallSilent(tracked);
    };
  }

  /** Records an upgrade that another listener may answer, at the latest by the deadline of the connection. */
  awaitUpgrade(socket: Socket, now: number): void {
    const tracked = this.find(socket);
    if (!tracked) return;
    tracked.since = Math.min(tracked.since, now);
    tracked.upgrading = socket;
    this.fallSilent(tracked);
  }

  /** Stops tracking a connection that becomes a WebSocket. Another limit applies to it. */
  untrack(socket: Socket): void {
    this.forget(keyOf(socket));
  }

  /** Drops connections that fell silent at or before a time, in monotonic milliseconds. */
  dropSince(time: number): void {
    for (const tracked of this.silent) if (tracked.since <= time) this.drop(tracked);
  }

  /** Drops connections without a complete request. */
  dropUnfinished(): void {
    for (const tracked of this.all.values())
      if (![...tracked.requests].some(({ complete }) => complete)) this.drop(tracked);
  }

  private find(socket: Socket): Tracked | undefined {
    return this.all.get(keyOf(socket));
  }

  private fallSilent(tracked: Tracked): void {
    this.removeSilent(tracked);
    this.silent.add(tracked);
    for (const { name, factor } of tracked.groups) {
      const group = this.groups.get(name) ?? new Set();
      this.groups.set(name, group.add(tracked));
      if (group.size > this.limits.perAddress * factor) this.dropFirst(group);
    }
    if (this.silent.size > this.limits.total) this.dropFirst(this.silent);
  }

  private removeSilent(tracked: Tracked): void {
    this.silent.delete(tracked);
    for (const { name } of tracked.groups) {
      const group = this.groups.get(name);
      group?.delete(tracked);
      if (group?.size === 0) this.groups.delete(name);
    }
  }

  private dropFirst(connections: Iterable<Tracked>): void {
    for (const oldest of connections) {
      this.drop(oldest);
      return;
    }
  }

  private drop({ key, socket, answered, upgrading }: Tracked): void {
    this.forget(key);
    // If another listener has answered the upgrade, it owns the connection.
    if (!upgrading || upgrading.bytesWritten <= answered) socket.destroy();
  }

  private forget(key: string): void {
    const tracked = this.all.get(key);
    if (!tracked) return;
    this.all.delete(key);
    tracked.socket.off('close', tracked.onClose);
    this.removeSilent(tracked);
  }
}

/** Returns a key that is equal for a TCP connection and the TLS connection within it, which are two objects. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
