import { type Client, addressGroup } from '../index.js';
import { takeTokens, type TokenBucket, tokenBucket } from '../../rate-limit/index.js';
import type { ConnectionOptions } from '../../options/index.js';
import { type SharedBudget, SharedBudgets } from './shared-budgets.js';
import { COST } from './frame-cost.js';

/** The number of connections at their full rate that one user or address may have. */
const SHARE = 4;
/** Units of an address for each connection that it may open. */
const UNITS_PER_ATTEMPT = 2;
/** Forgiven offences per second. */
const FORGIVENESS = 1;
/** The units of a client that may only authenticate. They are enough for a few tokens and for 16 Socket.IO namespaces. */
const UNAUTHENTICATED = { rate: 2, burst: 20 };

/** The limits of every budget, and the shared budgets of all users and addresses. */
export class Budgets {
  readonly frames: TokenBucket;
  /** Replaces `frames` before authentication if no handler is `@Public()`. */
  readonly unauthenticated: TokenBucket;
  readonly strikes: TokenBucket;
  readonly users: SharedBudgets;
  readonly addresses: SharedBudgets;

  constructor(options: ConnectionOptions) {
    const { messageRate, messageBurst, maxStrikes, connectRate, connectBurst } = options;
    this.frames = tokenBucket({ rate: messageRate, burst: messageBurst });
    this.unauthenticated = tokenBucket({
      rate: Math.min(UNAUTHENTICATED.rate, messageRate),
      burst: Math.min(UNAUTHENTICATED.burst, messageBurst),
    });
    this.strikes = tokenBucket({ rate: FORGIVENESS, burst: maxStrikes });
    const rate = SHARE * messageRate;
    const burst = SHARE * messageBurst;
    this.users = new SharedBudgets(tokenBucket({ rate, burst }));
    this.addresses = new SharedBudgets(
      tokenBucket({
        rate: Math.max(rate, UNITS_PER_ATTEMPT * connectRate),
        burst: Math.max(burst, UNITS_PER_ATTEMPT * connectBurst),
      }),
    );
  }
}

/**
 * The budget of one connection. Each charge counts for the connection and for its user. Before authentication it counts for the
 * address. So a user's 100 connections are not 100 budgets. A budget also counts the offences before the connection is closed.
 */
export class Budget {
  /** The budget that this connection shares with others of its user or address. */
  shared: SharedBudget;

  private framesFullAt = -Infinity;
  private strikesFullAt: number | undefined;
  private frames: TokenBucket;
  private pool: SharedBudgets;

  /**
   * @param now monotonic milliseconds
   * @param isRestricted whether the client may only authenticate
   */
  constructor(
    private readonly client: Client,
    private readonly budgets: Budgets,
    now: number,
    isRestricted: boolean,
  ) {
    this.frames = isRestricted ? budgets.unauthenticated : budgets.frames;
    this.pool = budgets.addresses;
    this.shared = this.pool.open(addressGroup(client.address), now);
  }

  /**
   * Charges units before the work is done. A frame that costs more than the burst passes if the bucket is full.
   *
   * @returns 0 if they are within the limits, otherwise the milliseconds to wait
   */
  charge(now: number, units: number): number {
    const { frames } = this;
    const cost = units === 1 ? 1 : Math.min(units, frames.fillTime / frames.interval);
    const fullAt = takeTokens(frames, this.framesFullAt, now, cost);
    if (fullAt === undefined)
      return this.framesFullAt + cost * frames.interval - frames.fillTime - now;
    this.framesFullAt = fullAt;
    return this.shared.charge(now, units);
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
    const fullAt = takeTokens(this.budgets.strikes, this.strikesFullAt ?? -Infinity, now, 1);
    if (fullAt === undefined) return false;
    this.strikesFullAt = fullAt;
    return true;
  }

  /** Moves the budget from the address to the authenticated user, and grants the full limit. */
  authenticated(now: number): void {
    const { budgets } = this;
    const { user } = this.client;
    if (!user || this.pool === budgets.users) return;
    if (this.frames !== budgets.frames) {
      this.frames = budgets.frames;
      this.framesFullAt = -Infinity;
    }
    this.close(now);
    this.pool = budgets.users;
    this.shared = this.pool.open(String(user.id), now);
  }

  close(now: number): void {
    this.pool.close(this.shared, now);
  }
}
