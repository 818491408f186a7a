import type { Cluster, ClusterNode, Redis } from 'ioredis';

/** The maximum number of servers to remember beside the configured ones. */
const MAX_SERVERS = 100;

/**
 * The known servers of a cluster. After a client has lost all its connections, ioredis connects to the configured servers only.
 * They may be gone, while others serve their hash slots.
 */
export class ClusterServers {
  private readonly configured: readonly ClusterNode[];
  private readonly known = new Map<string, ClusterNode>();
  /** The documentation of ioredis permits to replace this property, which its type hides. */
  private readonly client: { startupNodes: readonly ClusterNode[] };

  constructor(client: Cluster) {
    this.client = client as unknown as { startupNodes: readonly ClusterNode[] };
    this.configured = this.client.startupNodes;
    for (const server of client.nodes()) this.add(server);
  }

  /** Makes the client connect to a server, too, after it has lost all its connections. */
  add({ options: { host, port } }: Redis): void {
    const name = `${host}:${port}`;
    this.known.delete(name);
    this.known.set(name, { host, port });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_SERVERS) break;
      this.known.delete(oldest);
    }
    this.client.startupNodes = [...this.configured, ...this.known.values()];
  }
}
