import { EventEmitter } from 'node:events';
import type { Cluster } from 'ioredis';
import { RedisLink } from '../../../lib/redis/redis-link.js';
import { FakeClock } from '../../helpers/fake-clock.js';

/** A connection to one server of a cluster. */
class FakeServer extends EventEmitter {
  readonly options = { host: '127.0.0.1', port: 1 };
}

/** A client of a cluster that the application has connected. */
class FakeCluster extends EventEmitter {
  readonly isCluster = true;
  readonly status = 'ready';
  readonly options = {};
  readonly startupNodes = [];

  constructor(private readonly servers: FakeServer[]) {
    super();
  }

  nodes(): FakeServer[] {
    return this.servers;
  }
}

describe('the link to a cluster', () => {
  it('counts the lost connections of every server, also of those that were connected before', () => {
    const [earlier, later] = [new FakeServer(), new FakeServer()];
    const client = new FakeCluster([earlier]);
    const options = { commandTimeout: 1_000, probeKey: 'probe', isOwned: false };
    const link = new RedisLink(client as unknown as Cluster, options, new FakeClock());
    client.nodes().push(later);
    client.emit('+node', later);
    earlier.emit('close');
    expect(link.generation).toBe(1);
    later.emit('close');
    expect(link.generation).toBe(2);
  });

  it("leaves no listener behind on the application's client", async () => {
    const server = new FakeServer();
    const client = new FakeCluster([server]);
    const options = { commandTimeout: 1_000, probeKey: 'probe', isOwned: false };
    await new RedisLink(client as unknown as Cluster, options, new FakeClock()).close();
    expect([...client.eventNames(), ...server.eventNames()]).toEqual([]);
  });
});
