import {
  Accounts,
  MAX_RUNNING_BYTES_PER_ACCOUNT,
} from '../../../../lib/connection/guarded/accounts.js';
import { AccountBook, Budget } from '../../../../lib/connection/guarded/budget.js';
import { frameBuckets } from '../../../../lib/connection/guarded/frame-meter.js';
import {
  MAX_RUNNING_BYTES,
  RunningCalls,
} from '../../../../lib/connection/guarded/running-calls.js';
import { Client } from '../../../../lib/connection/index.js';
import { tokenBucket } from '../../../../lib/rate-limit/index.js';
import { resolvedOptions } from '../../../helpers/resolved-options.js';

const { connection } = resolvedOptions();
const book = () => new AccountBook(connection);
const clientAt = (address: string, user?: string) => {
  const client = new Client({ address, url: '/', headers: {} }, 0);
  if (user) client.authenticateAs({ id: user }, Infinity);
  return client;
};
const budgetOf = (accounts: AccountBook, client: Client, isRestricted = false) =>
  new Budget(client, accounts, frameBuckets(connection), 0, isRestricted);
const passed = (budget: Budget, units: number) => {
  let count = 0;
  while (count < 100_000 && budget.charge(0, units) === 0) count++;
  return count;
};

describe('connection budget', () => {
  it('is restricted before authentication, and the whole burst after it', () => {
    const client = clientAt('192.0.2.1');
    const budget = budgetOf(book(), client, true);
    expect(passed(budget, 1)).toBe(20);
    client.authenticateAs({ id: 'alice' }, Infinity);
    budget.authenticated(0);
    expect(passed(budget, 1)).toBe(connection.messageBurst);
  });

  it('is shared by all connections of a user', () => {
    const accounts = book();
    let total = 0;
    for (let n = 0; n < 100; n++) {
      const client = clientAt(`192.0.2.${n}`, 'mallory');
      const budget = budgetOf(accounts, client);
      budget.authenticated(0);
      total += passed(budget, 1);
    }
    expect(total).toBe(4 * connection.messageBurst);
  });

  it('is not refilled by reconnecting, and is dropped once it is full', () => {
    const accounts = new Accounts(tokenBucket({ rate: 1, burst: 10 }));
    for (let n = 0; n < 5; n++) {
      const account = accounts.open('mallory', 0);
      expect(account.charge(0, 10) === 0).toBe(n === 0);
      accounts.close(account, 0);
    }
    expect(accounts.size).toBe(1);
    accounts.close(accounts.open('other', 10_000), 10_000);
    expect(accounts.size).toBe(0);
  });

  it('allows a frame that costs more than the burst if the bucket is full', () => {
    const budget = budgetOf(book(), clientAt('192.0.2.1', 'alice'));
    expect(budget.charge(0, 1e6)).toBe(0);
    expect(budget.charge(0, 1)).toBeGreaterThan(0);
  });
});

describe('running handlers', () => {
  it('have bounded memory per connection, except that a single one may be larger', () => {
    const account = book().users.open('alice', 0);
    const calls = new RunningCalls();
    calls.frameBytes = 2 * MAX_RUNNING_BYTES;
    expect(calls.hasRoom(64)).toBe(true);
    let woken = 0;
    const done = calls.begin(account, { onRoom: () => woken++ });
    expect(calls.hasRoom(64)).toBe(false);
    done();
    expect(calls.hasRoom(64)).toBe(true);
    expect(woken).toBe(1);
  });

  it('have bounded memory per user, and resume waiting messages when there is room', () => {
    const account = book().users.open('alice', 0);
    let woken = 0;
    const waiting = { onRoom: () => woken++ };
    account.begin(MAX_RUNNING_BYTES_PER_ACCOUNT);
    expect(account.hasRoom(waiting)).toBe(false);
    account.end(1);
    expect(woken).toBe(1);
    expect(account.hasRoom(waiting)).toBe(true);
  });
});
