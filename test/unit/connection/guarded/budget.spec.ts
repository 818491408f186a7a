import {
  SharedBudgets,
  MAX_SHARED_RUNNING_BYTES,
} from '../../../../lib/connection/guarded/shared-budgets.js';
import { Budget, Budgets } from '../../../../lib/connection/guarded/budget.js';
import { Client } from '../../../../lib/connection/index.js';
import { tokenBucket } from '../../../../lib/rate-limit/index.js';
import { resolvedOptions } from '../../../helpers/resolved-options.js';

const { connection } = resolvedOptions();
const newBudgets = (options = {}) => new Budgets({ ...connection, ...options });
const clientAt = (address: string, user?: string) => {
  const client = new Client({ address, url: '/', headers: {} }, 0);
  if (user) client.authenticateAs({ id: user }, Infinity);
  return client;
};
const budgetOf = (budgets: Budgets, client: Client, isRestricted = false) =>
  new Budget(client, budgets, 0, isRestricted);
const passed = (budget: Budget, units: number) => {
  let count = 0;
  while (count < 100_000 && budget.charge(0, units) === 0) count++;
  return count;
};

describe('connection budget', () => {
  it('is restricted before authentication, and the whole burst after it', () => {
    const client = clientAt('192.0.2.1');
    const budget = budgetOf(newBudgets(), client, true);
    expect(passed(budget, 1)).toBe(20);
    client.authenticateAs({ id: 'alice' }, Infinity);
    budget.authenticated(0);
    expect(passed(budget, 1)).toBe(connection.messageBurst);
  });

  it('is shared by all connections of a user', () => {
    const budgets = newBudgets();
    let total = 0;
    for (let n = 0; n < 100; n++) {
      const client = clientAt(`192.0.2.${n}`, 'mallory');
      const budget = budgetOf(budgets, client);
      budget.authenticated(0);
      total += passed(budget, 1);
    }
    expect(total).toBe(4 * connection.messageBurst);
  });

  it('is not refilled by reconnecting, and is dropped once it is full', () => {
    const budgets = new SharedBudgets(tokenBucket({ rate: 1, burst: 10 }));
    for (let n = 0; n < 5; n++) {
      const shared = budgets.open('mallory', 0);
      expect(shared.charge(0, 10) === 0).toBe(n === 0);
      budgets.close(shared, 0);
    }
    expect(budgets.size).toBe(1);
    budgets.close(budgets.open('other', 10_000), 10_000);
    expect(budgets.size).toBe(0);
  });

  it('of compression is not refilled by reconnecting either, and is dropped once it is full', () => {
    const budgets = new SharedBudgets(tokenBucket({ rate: 1, burst: 10 }));
    for (let n = 0; n < 5; n++) {
      const shared = budgets.open('mallory', 0);
      expect(shared.compress(0, 10)).toBe(n === 0);
      budgets.close(shared, 0);
    }
    budgets.close(budgets.open('other', 9_999), 9_999);
    expect(budgets.size).toBe(2);
    budgets.close(budgets.open('other', 10_000), 10_000);
    expect(budgets.size).toBe(0);
  });

  it('stays while one connection of several is open', () => {
    const budgets = new SharedBudgets(tokenBucket({ rate: 1, burst: 10 }));
    const [first, second] = [budgets.open('alice', 0), budgets.open('alice', 0)];
    expect(first).toBe(second);
    budgets.close(first, 0);
    budgets.open('other', 0);
    expect(budgets.open('alice', 0)).toBe(first);
  });

  it('of an address is enough for all connections that the address may open, whatever the rate of frames', () => {
    const poor = { messageRate: 1, messageBurst: 1, connectRate: 50, connectBurst: 100 };
    const shared = newBudgets(poor).addresses.open('192.0.2.1', 0);
    const taken = (now: number) => {
      let units = 0;
      for (; shared.charge(now, 1) === 0; units++);
      return units;
    };
    expect([taken(0), taken(1_000)]).toEqual([200, 100]);
    const rich = { messageRate: 100, messageBurst: 200, connectRate: 1, connectBurst: 1 };
    const other = newBudgets(rich).addresses.open('192.0.2.1', 0);
    let units = 0;
    for (; other.charge(0, 1) === 0; units++);
    expect(units).toBe(800);
  });

  it('before authentication is not more than the rate of frames', () => {
    const slow = newBudgets({ messageRate: 1, messageBurst: 5 });
    const budget = budgetOf(slow, clientAt('192.0.2.1'), true);
    expect([passed(budget, 1), budget.charge(1_000, 1), passed(budget, 1)]).toEqual([5, 0, 0]);
    const fast = budgetOf(newBudgets(), clientAt('192.0.2.2'), true);
    passed(fast, 1);
    expect([fast.charge(500, 1), fast.charge(500, 1) > 0]).toEqual([0, true]);
  });

  it('says how long to wait if the user has used up the shared part', () => {
    const budgets = newBudgets({ messageRate: 10, messageBurst: 10 });
    const client = clientAt('192.0.2.1', 'alice');
    for (let n = 0; n < 4; n++) {
      const other = budgetOf(budgets, client);
      other.authenticated(0);
      passed(other, 1);
    }
    const budget = budgetOf(budgets, client);
    budget.authenticated(0);
    expect(budget.charge(0, 1)).toBeCloseTo(25);
    expect(budget.charge(10, 2)).toBeCloseTo(40);
  });

  it('moves to the user once, and is closed with the connection', () => {
    const budgets = newBudgets();
    const budget = budgetOf(budgets, clientAt('192.0.2.1', 'alice'));
    const { shared } = budget;
    budget.authenticated(0);
    expect([shared.connections, budgets.addresses.size, budgets.users.size]).toEqual([0, 0, 1]);
    const ofUser = budget.shared;
    budget.authenticated(0);
    expect([budget.shared, ofUser.connections]).toEqual([ofUser, 1]);
    budget.close(0);
    expect(budgets.users.size).toBe(0);
  });

  it('allows a frame that costs more than the burst if the bucket is full', () => {
    const budget = budgetOf(newBudgets(), clientAt('192.0.2.1', 'alice'));
    expect(budget.charge(0, 1e6)).toBe(0);
    expect(budget.charge(0, 1)).toBeGreaterThan(0);
  });
});

/** Creates a budget with small limits. */
const small = (options = {}) =>
  budgetOf(
    newBudgets({ messageRate: 10, messageBurst: 5, maxStrikes: 3, ...options }),
    clientAt('192.0.2.1'),
  );
const allowed = (frames: Budget, times: number, now: number) =>
  Array.from({ length: times }, () => frames.charge(now, 1)).filter(wait => wait === 0).length;

describe('the frames of one connection', () => {
  it('allows up to the burst at once, and no more', () => {
    expect(allowed(small(), 100, 0)).toBe(5);
  });

  it('allows frames at the configured rate after the burst', () => {
    const frames = small();
    allowed(frames, 5, 0);
    expect(allowed(frames, 5, 99)).toBe(0);
    expect(allowed(frames, 5, 100)).toBe(1);
    expect(allowed(frames, 5, 300)).toBe(2);
  });

  it('returns the exact wait until the next frame is allowed', () => {
    const frames = small();
    allowed(frames, 5, 0);
    const wait = frames.charge(30, 1);
    expect(wait).toBe(70);
    expect(frames.charge(30 + wait, 1)).toBe(0);
  });

  it('does not charge rejected frames', () => {
    const frames = small();
    allowed(frames, 10_000, 0);
    expect(frames.charge(100, 1)).toBe(0);
  });

  it('never refills beyond the burst', () => {
    const frames = small();
    allowed(frames, 5, 0);
    expect(allowed(frames, 100, 1e9)).toBe(5);
  });

  it.each([0, 1e-3, 1e12])('does not depend on where the clock starts: %d', start => {
    const frames = small();
    expect(allowed(frames, 100, start)).toBe(5);
    expect(frames.charge(start, 1)).toBeGreaterThan(0);
  });

  it.each([0.1, 1 / 3, 7, 999.9])('allows a whole burst at any rate: %d', messageRate => {
    const frames = small({ messageRate, messageBurst: 200 });
    expect(allowed(frames, 300, 12_345.678)).toBe(200);
    expect(frames.charge(12_345.678, 1)).toBeGreaterThan(0);
  });
});

describe('the offences of one connection', () => {
  const forgiven = (frames: Budget, times: number, now: number) =>
    Array.from({ length: times }, () => frames.strike(now)).filter(Boolean).length;

  it('forgives up to maxStrikes', () => {
    expect(forgiven(small(), 10, 0)).toBe(3);
  });

  it('forgives one strike per second again', () => {
    const frames = small();
    forgiven(frames, 3, 0);
    expect(forgiven(frames, 3, 990)).toBe(0);
    expect(forgiven(frames, 3, 1_000)).toBe(1);
    expect(forgiven(frames, 9, 60_000)).toBe(3);
  });

  it('does not share a bucket with charge', () => {
    const frames = small();
    allowed(frames, 100, 0);
    expect(forgiven(frames, 10, 0)).toBe(3);
    const others = small();
    forgiven(others, 10, 0);
    expect(allowed(others, 100, 0)).toBe(5);
  });
});

describe('running handlers of a user', () => {
  it('have bounded memory per user, and resume waiting messages when there is room', () => {
    const shared = newBudgets().users.open('alice', 0);
    let woken = 0;
    const waiting = { onRoom: () => woken++ };
    shared.begin(MAX_SHARED_RUNNING_BYTES);
    expect(shared.hasRoom(waiting)).toBe(false);
    shared.end(1);
    expect(woken).toBe(1);
    expect(shared.hasRoom(waiting)).toBe(true);
  });

  it('count for the user until they end, although the connection was closed, and no longer', () => {
    const { users } = newBudgets();
    const shared = users.open('alice', 0);
    shared.begin(MAX_SHARED_RUNNING_BYTES);
    shared.begin(1);
    users.close(shared, 0);
    const waiting = { onRoom: () => undefined };
    const again = users.open('alice', 1e9);
    expect(again.hasRoom(waiting)).toBe(false);
    users.close(again, 1e9);
    shared.end(1);
    expect(users.open('alice', 1e9)).toBe(shared);
    users.close(shared, 1e9);
    shared.end(MAX_SHARED_RUNNING_BYTES);
    users.close(users.open('other', 1e9), 1e9);
    expect(users.size).toBe(0);
  });

  it('resume nothing while there is no room', () => {
    const shared = newBudgets().users.open('alice', 0);
    let woken = 0;
    shared.begin(MAX_SHARED_RUNNING_BYTES + 1);
    shared.hasRoom({ onRoom: () => woken++ });
    shared.end(1);
    expect(woken).toBe(0);
    shared.end(1);
    shared.end(1);
    expect(woken).toBe(1);
  });
});
