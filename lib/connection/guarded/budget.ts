import { type Client, addressGroup } from '../index.js';
import { tokenBucket } from '../../rate-limit/index.js';
import type { ConnectionOptions } from '../../options/index.js';
import { type Account, Accounts } from './accounts.js';
import { COST } from './frame-cost.js';
import { type FrameBuckets, FrameMeter } from './frame-meter.js';

/** The number of connections at their full rate that one user or address may have. */
const SHARE = 4;
/** Units of an address for each connection that it may open. */
const UNITS_PER_ATTEMPT = 2;

/** The accounts of all users and addresses. */
export class AccountBook {
  readonly users: Accounts;
  readonly addresses: Accounts;

  constructor(options: ConnectionOptions) {
    const { messageRate, messageBurst, connectRate, connectBurst } = options;
    const rate = SHARE * messageRate;
    const burst = SHARE * messageBurst;
    this.users = new Accounts(tokenBucket({ rate, burst }));
    this.addresses = new Accounts(
      tokenBucket({
        rate: Math.max(rate, UNITS_PER_ATTEMPT * connectRate),
        burst: Math.max(burst, UNITS_PER_ATTEMPT * connectBurst),
      }),
    );
  }
}

/**
 * The budget of one connection. Each charge counts for the connection and for its user. Before authentication it counts for the
 * address. So a user's 100 connections are not 100 budgets.
 */
export class Budget {
  private readonly meter: FrameMeter;
  private owner: Account;
  private accounts: Accounts;

  /**
   * @param now monotonic milliseconds
   * @param isRestricted whether the client may only authenticate
   */
  constructor(
    private readonly client: Client,
    private readonly book: AccountBook,
    buckets: FrameBuckets,
    now: number,
    isRestricted: boolean,
  ) {
    this.meter = new FrameMeter(buckets, isRestricted);
    this.accounts = book.addresses;
    this.owner = this.accounts.open(addressGroup(client.address), now);
  }

  get account(): Account {
    return this.owner;
  }

  /** Charges units before the work is done. @returns 0 if they are within the limits, otherwise the milliseconds to wait */
  charge(now: number, units: number): number {
    const wait = this.meter.charge(now, units);
    return wait > 0 ? wait : this.owner.charge(now, units);
  }

  /**
   * Charges continuation frames. A full bucket lets one large frame pass, but not more continuation frames than its units.
   *
   * @returns whether they are within the limits
   */
  chargeFragments(now: number, count: number): boolean {
    for (let left = count / COST.fragmentsPerUnit; left > 0; left--)
      if (this.charge(now, Math.min(left, 1)) > 0) return false;
    return true;
  }

  /** Records an offence. @returns whether it is still forgiven */
  strike(now: number): boolean {
    return this.meter.strike(now);
  }

  /** Moves the budget from the address to the authenticated user. */
  authenticated(now: number): void {
    const { user } = this.client;
    if (!user || this.accounts === this.book.users) return;
    this.meter.lift();
    this.close(now);
    this.accounts = this.book.users;
    this.owner = this.accounts.open(String(user.id), now);
  }

  close(now: number): void {
    this.accounts.close(this.owner, now);
  }
}
