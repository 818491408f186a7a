import type { Client, ClientCounters } from '../connection/index.js';

/** The maximum number of connections in one answer. */
const PAGE_SIZE = 100;

/** A connection as administrators see it, without secrets. */
export interface ListedConnection {
  id: string;
  /** The id of the user; absent before authentication. */
  user?: string;
  /** The address in the form of `monitoring.address`. */
  address?: string;
  origin?: string;
  /** In milliseconds since the Unix epoch. */
  connectedAt: number;
  lastActivityAt: number;
  expiresAt?: number;
  counters: ClientCounters;
}

export interface ConnectionList {
  connections: ListedConnection[];
  /** The value of `after` for the following page; absent on the last one. */
  next?: string;
}

/** Selects a page. Ids order the connections, so that a page can follow a connection that has ended. */
export function pageOf(
  clients: readonly Client[],
  { user, after = '' }: { user?: string; after?: string },
  addressText: (address: string) => string | undefined,
): ConnectionList {
  const found = clients
    .filter(client => client.id > after && (user === undefined || userIdOf(client) === user))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const connections = found.slice(0, PAGE_SIZE).map(client => listed(client, addressText));
  return {
    connections,
    next: found.length > PAGE_SIZE ? connections.at(-1)?.id : undefined,
  };
}

/** Returns the id of a user as text; undefined before authentication. */
function userIdOf({ user }: Client): string | undefined {
  return user && String(user.id);
}

function listed(
  client: Client,
  addressText: (address: string) => string | undefined,
): ListedConnection {
  const { id, address, origin, connectedAt, lastActivityAt, expiresAt, counters } = client;
  return {
    id,
    user: userIdOf(client),
    address: addressText(address),
    origin,
    connectedAt,
    lastActivityAt,
    expiresAt,
    counters: { ...counters },
  };
}
