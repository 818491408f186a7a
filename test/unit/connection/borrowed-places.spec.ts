import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  type Client,
  ConnectionManager,
  type ManagedConnection,
  SingleNodeRevocationBus,
} from '../../../lib/connection/index.js';
import type { ConnectionSlot } from '../../../lib/connection/connection-slot.js';
import { eventually, pause } from '../../helpers/eventually.js';
import { FakeServer, RemoteConnectionStore } from '../../helpers/failing-stores.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const LIMIT = 2;
const ADDRESS = '192.0.2.1';

class FakeConnection implements ManagedConnection {
  readonly ended: string[] = [];
  readonly queuedBytes = 0;

  constructor(
    readonly client: Client,
    readonly slot: ConnectionSlot,
  ) {}

  end(code: string): void {
    this.ended.push(code);
    this.slot.release();
  }

  checkDeadlines(): void {
    // It has none.
  }
}

describe('connections that nodes accept while their store is down', () => {
  const managers: ConnectionManager[] = [];
  let server: FakeServer;
  let store: RemoteConnectionStore;
  let clock: FakeClock;

  beforeEach(() => {
    for (const level of ['error', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    server = new FakeServer();
    store = new RemoteConnectionStore(server);
    clock = new FakeClock();
  });

  afterEach(() => {
    for (const manager of managers.splice(0)) manager.onApplicationShutdown();
  });

  const newNode = () => {
    const options = resolvedOptions({ connection: { maxConnectionsPerUser: LIMIT } });
    const manager = new ConnectionManager(options, store, new SingleNodeRevocationBus(), clock);
    managers.push(manager);
    return manager;
  };
  const connect = async (node: ConnectionManager) => {
    const slot = (await node.reserve(ADDRESS)) as ConnectionSlot;
    if (!(await node.claimUser(slot, 'alice'))) {
      slot.release();
      return undefined;
    }
    const connection = new FakeConnection(clientAt(ADDRESS), slot);
    node.add(connection);
    return connection;
  };
  /** Gives the nodes time for several checks; they check every 100 ms. */
  const pass = async () => {
    for (let looks = 0; looks < 5; looks++) {
      clock.advance(500);
      await pause(150);
    }
  };

  it('count together with the earlier connections of the node', async () => {
    const node = newNode();
    expect(await connect(node)).toBeDefined();
    server.isDown = true;
    expect(await connect(node)).toBeDefined();
    expect(await connect(node)).toBeUndefined();
  });

  it('are closed if over the limit when the store recovers, and counted otherwise', async () => {
    const [here, there] = [newNode(), newNode()];
    const first = await connect(here);
    server.isDown = true;
    const others = [await connect(there), await connect(there)] as FakeConnection[];
    expect(await connect(there)).toBeUndefined();
    server.isDown = false;
    await eventually(() => {
      clock.advance(500);
      return others.some(({ ended }) => ended.length > 0);
    });
    expect(first?.ended).toEqual([]);
    expect(others.map(({ ended }) => ended)).toEqual([[], ['RATE_LIMITED']]);
    expect(await store.count('user:alice')).toBe(LIMIT);
    first?.slot.release();
    others[0]?.slot.release();
    await eventually(async () => (await store.count('user:alice')) === 0);
    expect(await store.count('all')).toBe(0);
  });

  it('do not leak if they end before the store recovers', async () => {
    const node = newNode();
    await connect(node);
    server.isDown = true;
    const second = await connect(node);
    second?.slot.release();
    server.isDown = false;
    await pass();
    expect(await store.count('user:alice')).toBe(1);
    expect(await connect(node)).toBeDefined();
    expect(await connect(node)).toBeUndefined();
  });
});
