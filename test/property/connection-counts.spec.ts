import fc from 'fast-check';
import {
  ConnectionManager,
  type ConnectionStore,
  InMemoryConnectionStore,
  SingleNodeRevocationBus,
} from '../../lib/connection/index.js';
import { ConnectionSlot } from '../../lib/connection/connection-slot.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { LateConnectionStore } from '../helpers/late-connection-store.js';
import { resolvedOptions } from '../helpers/resolved-options.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 100 });

const LIMITS = { maxConnections: 5, maxConnectionsPerAddress: 3, maxConnectionsPerUser: 2 };
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2'];
const USERS = ['alice', 'bob', 'all', 'address:192.0.2.1'];

type Step =
  | { do: 'open'; address: string }
  | { do: 'login'; at: number; user: string }
  | { do: 'close'; at: number }
  | { do: 'reset'; at: number }
  /** The store answers a pending call. */
  | { do: 'answer' };

const at = fc.nat(20);
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('open' as const), address: fc.constantFrom(...ADDRESSES) }),
    fc.record({ do: fc.constant('login' as const), at, user: fc.constantFrom(...USERS) }),
    fc.record({ do: fc.constant('close' as const), at }),
    fc.record({ do: fc.constant('reset' as const), at }),
    fc.record({ do: fc.constant('answer' as const) }),
  ),
  { maxLength: 40 },
);

/** A client that may disconnect before the store has answered. */
interface Peer {
  address: string;
  isGone: boolean;
  slot?: ConnectionSlot;
  user?: string;
}

const groupOf = (address: string) => (address.includes(':') ? 'IPv6' : address);

/** Runs the steps like the adapter; `pending` are unanswered store calls. */
class Run {
  readonly peers: Peer[] = [];
  private readonly pending: Promise<void>[] = [];
  private readonly connections: ConnectionManager;

  constructor(
    store: ConnectionStore,
    readonly memory: InMemoryConnectionStore,
    private readonly late?: LateConnectionStore,
  ) {
    const options = resolvedOptions({ connection: LIMITS });
    const bus = new SingleNodeRevocationBus();
    this.connections = new ConnectionManager(options, store, bus, new FakeClock());
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'open') this.pending.push(this.open(step.address));
    else if (step.do === 'answer') this.late?.answer();
    else {
      const peer = this.peers[step.at % this.peers.length];
      if (!peer) return;
      if (step.do === 'login') this.pending.push(this.login(peer, step.user));
      else {
        this.end(peer);
        // A reset often causes two events: an error and a close.
        if (step.do === 'reset') this.end(peer);
      }
    }
    await settled();
  }

  async finish(): Promise<void> {
    if (this.late) this.late.isLate = false;
    this.late?.answer();
    await Promise.all(this.pending);
    for (const peer of this.peers) this.end(peer);
    await settled();
  }

  private async open(address: string): Promise<void> {
    const peer: Peer = { address, isGone: false };
    this.peers.push(peer);
    const slot = await this.connections.reserve(address);
    if (!(slot instanceof ConnectionSlot)) peer.isGone = true;
    else if (peer.isGone) slot.release();
    else peer.slot = slot;
  }

  private async login(peer: Peer, user: string): Promise<void> {
    if (!peer.slot || peer.user) return;
    peer.user = user;
    if (!(await this.connections.claimUser(peer.slot, user))) this.end(peer);
  }

  private end(peer: Peer): void {
    peer.isGone = true;
    peer.slot?.release();
  }
}

/** Waits until every promise that can continue has continued. */
const settled = () => new Promise(resolve => setImmediate(resolve));

const count = <T>(items: readonly T[], matches: (item: T) => boolean) =>
  items.filter(matches).length;

describe('connection counts', () => {
  it('equal the open connections after every step, within the limits, and end at zero', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async all => {
        const memory = new InMemoryConnectionStore();
        const run = new Run(memory, memory);
        for (const step of all) {
          await run.step(step);
          const open = run.peers.filter(({ slot, isGone }) => slot && !isGone);
          expect(memory.count('all')).toBe(open.length);
          expect(open.length).toBeLessThanOrEqual(LIMITS.maxConnections);
          for (const address of ADDRESSES) {
            const group = groupOf(address);
            expect(count(open, peer => groupOf(peer.address) === group)).toBeLessThanOrEqual(
              LIMITS.maxConnectionsPerAddress,
            );
          }
          for (const user of USERS) {
            const own = count(open, peer => peer.user === user);
            expect(memory.count(`user:${user}`)).toBe(own);
            expect(own).toBeLessThanOrEqual(LIMITS.maxConnectionsPerUser);
          }
        }
        await run.finish();
        expect(memory.size).toBe(0);
      }),
    );
  });

  it('do not leak or go below zero with an asynchronous store', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async all => {
        const late = new LateConnectionStore();
        const run = new Run(late, late.memory, late);
        for (const step of all) {
          await run.step(step);
          const total = late.memory.count('all');
          expect(total).toBeGreaterThanOrEqual(
            count(run.peers, ({ slot, isGone }) => slot !== undefined && !isGone),
          );
          expect(total).toBeLessThanOrEqual(LIMITS.maxConnections);
        }
        await run.finish();
        expect(late.memory.size).toBe(0);
      }),
    );
  });
});
