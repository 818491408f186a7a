import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Code } from '../protocol/index.js';
import type { Client } from './client.js';

/** How often deadlines are looked at: one scan over all connections instead of a timer for each. */
const SCAN_INTERVAL = 100;

/** What the manager asks of a connection; the adapter makes them. */
export interface ManagedConnection {
  readonly client: Client;
  /** Tells the peer why, and closes. */
  end(code: Code): void;
  /** Ends the connection when one of its deadlines has passed. */
  checkDeadlines(): void;
}

/** Every open connection of the application, whatever gateway, path or port it came by. */
@Injectable()
export class ConnectionManager implements OnModuleDestroy {
  private readonly connections = new Map<string, ManagedConnection>();
  private scanner: NodeJS.Timeout | undefined;

  /** How many connections are open, authenticated or not. */
  get count(): number {
    return this.connections.size;
  }

  list(): Client[] {
    return Array.from(this.connections.values(), connection => connection.client);
  }

  get(clientId: string): Client | undefined {
    return this.connections.get(clientId)?.client;
  }

  /** Closes one connection. @returns whether it was open */
  disconnect(clientId: string, code: Code = 'REVOKED'): boolean {
    const connection = this.connections.get(clientId);
    connection?.end(code);
    return connection !== undefined;
  }

  /** Closes every connection of a user. @returns how many there were */
  disconnectUser(userId: string | number, code: Code = 'REVOKED'): number {
    const theirs = [...this.connections.values()].filter(
      ({ client }) => client.user !== undefined && String(client.user.id) === String(userId),
    );
    for (const connection of theirs) connection.end(code);
    return theirs.length;
  }

  /** Called by the adapter for each socket it opens. */
  add(connection: ManagedConnection): void {
    this.connections.set(connection.client.id, connection);
    this.scanner ??= setInterval(() => {
      this.scan();
    }, SCAN_INTERVAL).unref();
  }

  /** Called by the adapter when a socket is gone. */
  remove(connection: ManagedConnection): void {
    this.connections.delete(connection.client.id);
    if (this.connections.size === 0) this.stopScanning();
  }

  onModuleDestroy(): void {
    this.stopScanning();
  }

  private scan(): void {
    for (const connection of this.connections.values()) connection.checkDeadlines();
  }

  private stopScanning(): void {
    clearInterval(this.scanner);
    this.scanner = undefined;
  }
}
