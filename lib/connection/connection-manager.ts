import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { after, type MaybePromise } from '../maybe-promise.js';
import { attempt, contained, SecurityEvents, Telemetry } from '../monitoring/index.js';
import {
  givenSessionId,
  givenUserId,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import type { Code, HandshakeCode } from '../protocol/index.js';
import { StoreOutage } from '../store-outage.js';
import { Clock } from '../clock.js';
import type { Client } from './client.js';
import { addressGroups } from './client-address.js';
import { ConnectionSlot } from './connection-slot.js';
import { ConnectionStore, type SlotClaim } from './connection-store.js';
import { InMemoryConnectionStore } from './in-memory-connection-store.js';
import { RecentDisconnects } from './recent-disconnects.js';
import { isIssuedAfter, isLogOut, type Revocation, RevocationBus } from './revocation-bus.js';
import { UncountedConnections } from './uncounted-connections.js';

/** The interval between two checks of deadlines, in milliseconds. One scan over all connections replaces a timer for each. */
const SCAN_INTERVAL = 100;

/** The tolerated difference between the clocks of two nodes, in milliseconds. */
const CLOCK_DRIFT = 5_000;

/** The key of the count of all connections. */
export const EVERYONE = 'all';

const OVER_LIMIT = 'the store answers again, and counts more connections than the limits allow';

const REVOCATION_REASONS: Readonly<Record<Revocation['kind'], string>> = {
  client: 'ConnectionManager.disconnect was called',
  user: 'the user was disconnected or logged out',
  session: 'the session was ended',
};

/** The part of a connection that the manager uses; the adapter creates it. */
export interface ManagedConnection {
  readonly client: Client;
  /** Its place in the counts of connections. */
  readonly slot?: ConnectionSlot;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Sends the code to the client, and closes. */
  end(code: Code, details: { readonly reason: string }): void;
  /** Pings the client if a ping is due, or ends the connection if one of its deadlines has passed. */
  checkDeadlines(): void;
}

/** All open connections of the application, on every gateway, path and port. */
@Injectable()
export class ConnectionManager implements OnApplicationShutdown {
  /**
   * The recent disconnects, for connections that were authenticating at the time.
   *
   * @internal
   */
  readonly disconnects = new RecentDisconnects();

  private readonly connections = new Map<string, ManagedConnection>();
  /** The local counts, which replace the store while it fails. They include all connections of this node. */
  private readonly local = new InMemoryConnectionStore();
  private readonly uncounted: UncountedConnections;
  /** Whether the local counts may be needed. A store in memory does not fail. */
  private readonly hasStandIn: boolean;
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
    bus.subscribe(
      contained((revocation: Revocation) => {
        const { kind, id, code } = revocation;
        if (kind !== 'client') this.disconnects.note(kind, id, code);
        this.closeWhere(
          client => isMeant(client, kind, id) && isCovered(client, revocation),
          revocation,
        );
      }),
    );
    const { onStoreError } = options.connection;
    this.outage = new StoreOutage('connections', onStoreError, clock, events, telemetry);
    this.hasStandIn = onStoreError === 'local' && !(store instanceof InMemoryConnectionStore);
    this.uncounted = new UncountedConnections(store, clock, EVERYONE, slot => {
      for (const connection of this.connections.values())
        if (connection.slot === slot) connection.end('RATE_LIMITED', { reason: OVER_LIMIT });
    });
  }

  /** The number of open connections, authenticated or not. */
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

  /** Returns whether one more connection from an address is within the limits now. */
  async canConnect(address: string): Promise<boolean> {
    const claims = this.claimsOf(address);
    const counts = await Promise.all(claims.map(async ({ key }) => this.store.count(key)));
    return claims.every(({ limit }, index) => (counts[index] ?? 0) < limit);
  }

  /**
   * Closes one connection, on any node.
   *
   * @param reason the reason in the security event, if the connection is on this node
   * @returns whether it was open on this node
   */
  disconnect(
    clientId: string,
    code: Code = 'REVOKED',
    reason: string = REVOCATION_REASONS.client,
  ): boolean {
    const connection = this.connections.get(clientId);
    if (connection) connection.end(code, { reason });
    else this.bus.publish({ kind: 'client', id: clientId, code, at: this.clock.now() });
    return connection !== undefined;
  }

  /**
   * Closes every connection of a user on all nodes, also those that are still authenticating. The user may connect again.
   *
   * @returns the number of authenticated connections on this node
   * @throws InvalidArgumentError for an id that no user has
   */
  disconnectUser(userId: string | number, code: Code = 'REVOKED'): number {
    const id = givenUserId(userId, 'ConnectionManager.disconnectUser');
    return this.revoke({ kind: 'user', id, code, at: this.clock.now() });
  }

  /**
   * Closes every connection that a session authenticated, on all nodes.
   *
   * @returns the number of its connections on this node
   * @throws InvalidArgumentError for an id that no session has
   */
  disconnectSession(sessionId: string, code: Code = 'REVOKED'): number {
    const id = givenSessionId(sessionId, 'ConnectionManager.disconnectSession');
    return this.revoke({ kind: 'session', id, code, at: this.clock.now() });
  }

  /**
   * Closes every connection of a user or session on all nodes, also those that are still authenticating.
   *
   * @returns the number of authenticated connections on this node
   * @internal
   */
  revoke(revocation: Revocation & { readonly kind: 'user' | 'session' }): number {
    const { kind, id, code } = revocation;
    this.disconnects.note(kind, id, code);
    this.bus.publish(revocation);
    return this.closeWhere(client => isMeant(client, kind, id), revocation);
  }

  /** Reserves a place for a handshake. @returns the place, or the code of the limit that is reached */
  async reserve(address: string): Promise<ConnectionSlot | HandshakeCode> {
    const slot = new ConnectionSlot();
    const full = await this.claim(slot, this.claimsOf(address));
    if (full) return full.key === EVERYONE ? 'SERVER_FULL' : 'TOO_MANY_CONNECTIONS';
    return slot;
  }

  /** Counts a connection for its user when it is authenticated. @returns whether it is within the limit of the user */
  claimUser(slot: ConnectionSlot, userId: string | number): MaybePromise<boolean> {
    const limit = this.options.connection.maxConnectionsPerUser;
    const claimed = this.claim(slot, [{ key: `user:${userId}`, limit }]);
    return after(claimed, full => full === undefined);
  }

  /** Adds a connection. The adapter calls it for each socket that it opens. */
  add(connection: ManagedConnection): void {
    this.connections.set(connection.client.id, connection);
    this.scanner ??= setInterval(
      contained(() => {
        // Read what has arrived first: after a blocked event loop, a client must not count as silent.
        setImmediate(
          contained(() => {
            this.scan();
          }),
        );
      }),
      SCAN_INTERVAL,
    ).unref();
  }

  /** Removes a connection. The adapter calls it when the socket is gone. */
  remove(connection: ManagedConnection): void {
    this.connections.delete(connection.client.id);
    if (this.connections.size === 0) this.stopScanning();
  }

  // Earlier hooks would be too early: connections stay open, and need their deadlines, while the application shuts down.
  onApplicationShutdown(): void {
    this.stopScanning();
  }

  private claim(slot: ConnectionSlot, claims: SlotClaim[]): MaybePromise<SlotClaim | undefined> {
    const own = this.hasStandIn ? this.local : undefined;
    return this.outage.during(() => slot.claim(this.store, claims, own), {
      allow: () => undefined,
      local: () => this.claimLocally(slot, slot.missing(claims)),
    });
  }

  private claimLocally(
    slot: ConnectionSlot,
    claims: SlotClaim[],
  ): MaybePromise<SlotClaim | undefined> {
    return after(slot.claim(this.local, claims), full => {
      if (!full) this.uncounted.add(slot, claims);
      return full;
    });
  }

  private claimsOf(address: string): SlotClaim[] {
    const { maxConnections, maxConnectionsPerAddress } = this.options.connection;
    const ofAddress = addressGroups(address).map(({ name, factor }) => ({
      key: `address:${name}`,
      limit: maxConnectionsPerAddress * factor,
    }));
    return [...ofAddress, { key: EVERYONE, limit: maxConnections }];
  }

  private closeWhere(
    matches: (client: Client) => boolean,
    { code, kind }: Pick<Revocation, 'code' | 'kind'>,
  ): number {
    const found = [...this.connections.values()].filter(({ client }) => matches(client));
    for (const connection of found)
      attempt(() => {
        connection.end(code, { reason: REVOCATION_REASONS[kind] });
      });
    return found.length;
  }

  private scan(): void {
    this.uncounted.check();
    for (const connection of this.connections.values())
      attempt(() => {
        connection.checkDeadlines();
      });
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

/** Returns whether a revocation of another node includes a connection, which may be newer. */
function isCovered({ connectedAt, user }: Client, revocation: Revocation): boolean {
  const { kind, at } = revocation;
  // A session stays ended. A disconnected user may have reconnected since, and a user who was logged out with a newer token.
  if (kind === 'session') return true;
  if (!isLogOut(revocation)) return connectedAt <= at + CLOCK_DRIFT;
  return connectedAt <= at || !user || !isIssuedAfter(user, at);
}
