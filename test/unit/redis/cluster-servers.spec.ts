import type { Cluster, ClusterNode, Redis } from 'ioredis';
import { ClusterServers } from '../../../lib/redis/cluster-servers.js';

const serverAt = (host: string) => ({ options: { host, port: 6379 } }) as unknown as Redis;

/** A client of a cluster with one configured server, and the servers that it knows. */
function clientWith(...hosts: string[]) {
  const startupNodes: readonly ClusterNode[] = ['redis://configured:6379'];
  const client = { startupNodes, nodes: () => hosts.map(serverAt) };
  return { client, servers: new ClusterServers(client as unknown as Cluster) };
}

describe('a client of a cluster that has lost all connections', () => {
  it('connects to the configured servers and to those that it found', () => {
    const { client, servers } = clientWith('a');
    servers.add(serverAt('b'));
    servers.add(serverAt('a'));
    expect(client.startupNodes).toEqual([
      'redis://configured:6379',
      { host: 'b', port: 6379 },
      { host: 'a', port: 6379 },
    ]);
  });

  it('remembers the 100 servers that it found last', () => {
    const { client, servers } = clientWith();
    for (let host = 0; host < 101; host++) servers.add(serverAt(`host-${host}`));
    expect(client.startupNodes).toHaveLength(101);
    expect(client.startupNodes).toContain('redis://configured:6379');
    expect(client.startupNodes).toContainEqual({ host: 'host-1', port: 6379 });
  });
});
