import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { after, type MaybePromise } from '../maybe-promise.js';
import { SecurityEvents, Telemetry } from '../monitoring/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import type { Code, HandshakeCode } from '../protocol/index.js';
import { StoreOutage } from '../store-outage.js';
import { Clock } from '../clock.js';
import type { Client } from './client.js';
import { addressGroup } from './client-address.js';
import { ConnectionSlot } from './connection-slot.js';
import { ConnectionStore, type SlotClaim } from './connection-store.js';
import { InMemoryConnectionStore } from './in-memory-connection-store.js';
import { type Revocation, RevocationBus } from './revocation-bus.js';

/** How often deadlines are looked at, in milliseconds: one scan over all connections instead of timers for each. */
const SCAN_INTERVAL = 100;

/** How far apart the clocks of two nodes may be, in milliseconds. */
const CLOCK_DRIFT = 5_000;

/** What all connections are counted by. */
export const EVERYONE = 'all';

/** What the manager asks of a connection; the adapter makes them. */
export interface ManagedConnection {
  readonly client: Client;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Tells the peer why, and closes. */
  end(code: Code): void;
  /** Does what is due: pings the peer, or ends the connection when one of its deadlines has passed. */
  checkDeadlines(): void;
}

/** Every open connection of the application, whatever gateway, path or port it came by. */
@Injectable()
export class ConnectionManager implements OnApplicationShutdown {
  private readonly connections = new Map<string, ManagedConnection>();
  /** What goes on where the store fails. */
  private readonly local = new InMemoryConnectionStore();
  private readonly outage: StoreOutage;
  private scanner: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly store: ConnectionStore,
    private readonly bus: RevocationBus,
    private readonly clock: Clock,
    @Optional() events?: SecurityEvents,
    @Optional() telemetry?: Telemetry,
  ) {
    bus.subscribe(({ kind, id, code, at }) => {
      // A session stays ended; a user who was disconnected may have come back since.
      const latest = kind === 'session' ? Infinity : at + CLOCK_DRIFT;
      this.closeWhere(client => isMeant(client, kind, id) && client.connectedAt <= latest, code);
    });
    const { onStoreError } = options.connection;
    this.outage = new StoreOutage('connections', onStoreError, clock, events, telemetry);
  }

  /** How many connections are open, authenticated or not. */
  get count(): number {
    return this.connections.size;
  }

  /** Bytes that wait to be sent, over all connections. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const connection of this.connections.values()) bytes += connection.queuedBytes;
    return bytes;
  }

  list(): Client[] {
    return Array.from(this.connections.values(), connection => connection.client);
  }

  get(clientId: string): Client | undefined {
    return this.connections.get(clientId)?.client;
  }

  /** Whether one more connection from an address would be within the limits now. */
  async canConnect(address: string): Promise<boolean> {
    const claims = this.claimsOf(address);
    const counts = await Promise.all(claims.map(async ({ key }) => this.store.count(key)));
    return claims.every(({ limit }, index) => (counts[index] ?? 0) < limit);
  }

  /** Closes one connection, on whatever node it is. @returns whether it was open on this one */
  disconnect(clientId: string, code: Code = 'REVOKED'): boolean {
    const connection = this.connections.get(clientId);
    if (connection) connection.end(code);
    else this.bus.publish({ kind: 'client', id: clientId, code, at: this.clock.now() });
    return connection !== undefined;
  }

  /** Closes every connection of a user, on all nodes. @returns how many there were on this one */
  disconnectUser(userId: string | number, code: Code = 'REVOKED'): number {
    return this.disconnectAll('user', String(userId), code);
  }

  /**
   * Closes every connection that was authenticated by a session, on all nodes.
   *
   * @param until until when other nodes are to refuse its tokens, in milliseconds since the Unix epoch
   * @returns how many there were on this one
   */
  disconnectSession(sessionId: string, code: Code = 'REVOKED', until?: number): number {
    return this.disconnectAll('session', sessionId, code, until);
  }

  /** Called by the adapter for a handshake: takes a place within the limits, or tells which one is reached. */
  async reserve(address: string): Promise<ConnectionSlot | HandshakeCode> {
    const slot = new ConnectionSlot();
    const full = await this.claim(slot, this.claimsOf(address));
    if (full) return full.key === EVERYONE ? 'SERVER_FULL' : 'TOO_MANY_CONNECTIONS';
    return slot;
  }

  /** Called by the adapter when a connection is authenticated. @returns whether the user has room for it */
  claimUser(slot: ConnectionSlot, userId: string | number): MaybePromise<boolean> {
    const limit = this.options.connection.maxConnectionsPerUser;
    const claimed = this.claim(slot, [{ key: `user:${userId}`, limit }]);
    return after(claimed, full => full === undefined);
  }

  /** Called by the adapter for each socket it opens. */
  add(connection: ManagedConnection): void {
    this.connections.set(connection.client.id, connection);
    this.scanner ??= setInterval(() => {
      // After what has come is read: where the process stood still, nobody was silent for that.
      setImmediate(() => {
        this.scan();
      });
    }, SCAN_INTERVAL).unref();
  }

  /** Called by the adapter when a socket is gone. */
  remove(connection: ManagedConnection): void {
    this.connections.delete(connection.client.id);
    if (this.connections.size === 0) this.stopScanning();
  }

  // Not before: connections stay, and have their deadlines, for as long as the application takes to shut down.
  onApplicationShutdown(): void {
    this.stopScanning();
  }

  private claim(slot: ConnectionSlot, claims: SlotClaim[]): MaybePromise<SlotClaim | undefined> {
    return this.outage.during(() => slot.claim(this.store, claims), {
      allow: () => undefined,
      local: () => slot.claim(this.local, claims),
    });
  }

  private claimsOf(address: string): SlotClaim[] {
    const { maxConnections, maxConnectionsPerAddress } = this.options.connection;
    return [
      { key: `address:${addressGroup(address)}`, limit: maxConnectionsPerAddress },
      { key: EVERYONE, limit: maxConnections },
    ];
  }

  private disconnectAll(kind: Revocation['kind'], id: string, code: Code, until?: number): number {
    this.bus.publish({ kind, id, code, at: this.clock.now(), until });
    return this.closeWhere(client => isMeant(client, kind, id), code);
  }

  private closeWhere(matches: (client: Client) => boolean, code: Code): number {
    const found = [...this.connections.values()].filter(({ client }) => matches(client));
    for (const connection of found) connection.end(code);
    return found.length;
  }

  private scan(): void {
    for (const connection of this.connections.values()) connection.checkDeadlines();
  }

  private stopScanning(): void {
    clearInterval(this.scanner);
    this.scanner = undefined;
  }
}

function isMeant({ id: clientId, user }: Client, kind: Revocation['kind'], id: string): boolean {
  if (kind === 'client') return clientId === id;
  return kind === 'user' ? user !== undefined && String(user.id) === id : user?.sessionId === id;
}
