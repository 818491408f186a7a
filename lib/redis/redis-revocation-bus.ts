import type { Clock } from '../clock.js';
import { isLogOut, type LogOut, type Revocation, RevocationBus } from '../connection/index.js';
import { within } from '../maybe-promise.js';
import { attempt, contained, errorText } from '../monitoring/index.js';
import { OutageLog } from '../outage-log.js';
import { RefusalError } from '../protocol/index.js';
import { LOG_OUT_LUA, LOGGED_OUT_AT_LUA } from './lua/revocations.lua.js';
import type { NodeClocks } from './node-clocks.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisLink } from './redis-link.js';
import { Script } from './script.js';
import type { ScriptBatch } from './script-batch.js';

const LOG_OUT = new Script(LOG_OUT_LUA);
const LOGGED_OUT_AT = new Script(LOGGED_OUT_AT_LUA);

/** The polling interval in milliseconds. A log-out reaches other nodes within this time. */
const POLL_INTERVAL = 500;
/** The number of notices in Redis. A node that was disconnected reads them later. */
const MAX_NOTICES = 10_000;
/** The maximum number of revocations that wait while Redis is down. */
const MAX_UNSENT = 100_000;
/** The maximum number of log-outs that a node stores again after Redis has lost them. */
const MAX_KNOWN = 100_000;
/** The maximum age of own notices that a node sends again after Redis has lost them, in milliseconds. */
const REPEAT_TIME = 60_000;
/** The maximum time in which the waiting revocations are sent at shutdown, in milliseconds. */
const CLOSE_TIMEOUT = 2_000;
const BATCH = 500;
const BEGINNING = '0-0';

type StreamEntry = [id: string, fields: string[]];

/**
 * Stores each log-out in a key that expires with the tokens that it rejects. Nodes read the keys of the session and of the user
 * when a client authenticates. A Redis Stream carries notices to close open connections. Each node polls it from its last position.
 */
export class RedisRevocationBus extends RevocationBus {
  private readonly listeners: ((revocation: Revocation) => void)[] = [];
  private readonly gapListeners: (() => void)[] = [];
  private readonly unsent = new Set<string>();
  /** The log-outs by kind and id. The last entry is the newest. */
  private readonly logOuts = new Map<string, LogOut>();
  /** The log-outs that Redis may have lost. */
  private unrestored: LogOut[] = [];
  /** The notices of this node from the last minute. */
  private notices: { readonly text: string; readonly at: number }[] = [];
  private readonly timer: NodeJS.Timeout;
  private readonly outage: OutageLog;
  private isRefused = false;
  private hasCaughtUp = false;
  private lastId = BEGINNING;
  private exchanging: Promise<void> | undefined;

  /** @param node the name of this node, by which it recognises its own notices */
  constructor(
    private readonly link: RedisLink,
    private readonly batch: ScriptBatch,
    private readonly keys: RedisKeys,
    private readonly node: string,
    private readonly clock: Clock,
    private readonly clocks: Pick<NodeClocks, 'lead'>,
  ) {
    super();
    this.outage = new OutageLog(clock);
    const poll = contained(() => (link.health.status === 'up' ? this.catchUp() : undefined));
    this.timer = setInterval(poll, POLL_INTERVAL).unref();
    link.onUp(contained(() => this.catchUp()));
  }

  override get clockLead(): number {
    return this.clocks.lead;
  }

  override publish(revocation: Revocation): void {
    const text = JSON.stringify(revocation);
    this.unsent.add(text);
    makeRoom(this.unsent, MAX_UNSENT);
    this.notices.push({ text, at: this.clock.monotonic() });
    if (this.notices.length > MAX_NOTICES) this.notices.shift();
    this.remember(revocation);
    attempt(() => this.catchUp());
  }

  override subscribe(listener: (revocation: Revocation) => void): void {
    this.listeners.push(listener);
    // The first poll may run before the last listener subscribes, so report the known log-outs.
    for (const logOut of this.logOuts.values()) listener(logOut);
  }

  override onGap(listener: () => void): void {
    this.gapListeners.push(listener);
  }

  /**
   * @throws RefusalError `UNAVAILABLE` if this node has not reached Redis yet, and so knows no log-outs
   * @throws RedisUnavailableError by rejecting
   */
  override async loggedOutAt(kind: LogOut['kind'], id: string): Promise<number | undefined> {
    try {
      const reply = await this.batch.run(LOGGED_OUT_AT, [this.keys.loggedOut(kind, id)], []);
      if (typeof reply !== 'string') throw this.batch.unexpectedReply();
      return reply === '' ? undefined : Number(reply);
    } catch (error) {
      if (this.hasCaughtUp) throw error;
      throw new RefusalError('UNAVAILABLE', {
        reason: 'this node has not reached Redis since it started, and so knows no log-outs',
      });
    }
  }

  /** Stores the log-outs again, because Redis may have lost them. */
  restoreLogOuts(): void {
    this.unrestored = [...this.logOuts.values()];
    attempt(() => this.catchUp());
  }

  /** Sends waiting revocations and reads new notices. The next poll retries a failure. */
  catchUp(): Promise<void> {
    this.exchanging ??= this.exchange()
      .then(
        () => {
          this.hasCaughtUp = true;
          if (this.isRefused) this.outage.end('Log-outs reach the other nodes again');
          this.isRefused = false;
        },
        (error: unknown) => {
          this.noteFailure(error as Error);
        },
      )
      .finally(() => {
        this.exchanging = undefined;
      });
    return this.exchanging;
  }

  /** Sends the waiting revocations, if Redis answers: after the shutdown no node would send them. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await within(CLOSE_TIMEOUT, this.sendAll());
  }

  private async sendAll(): Promise<void> {
    if (this.link.health.status === 'down') return;
    await this.exchanging;
    if (this.unsent.size > 0) await this.catchUp();
  }

  private async exchange(): Promise<void> {
    let isBehind: boolean;
    do {
      const sending = [...this.unsent].slice(0, BATCH);
      // Store a log-out first: a client must not authenticate again after the notice has closed its connection.
      const revocations = sending.map(text => JSON.parse(text) as Revocation);
      await Promise.all(revocations.filter(isLogOut).map(logOut => this.store(logOut)));
      const from = this.lastId === BEGINNING ? '-' : this.lastId;
      const replies = await this.link.exchange(pipeline => {
        for (const text of sending) {
          const fields = ['node', this.node, 'revocation', text];
          pipeline.xadd(this.keys.revocations, 'MAXLEN', '~', MAX_NOTICES, '*', ...fields);
        }
        // XREAD cannot be used: the form of its reply depends on the settings of the application's client.
        pipeline.xrange(this.keys.revocations, from, '+', 'COUNT', BATCH + 1);
      });
      // A full Redis can still be read, so process the notices before throwing.
      isBehind = this.receive((replies.at(-1)?.[1] ?? []) as StreamEntry[]);
      const error = replies.find(([failure]) => failure)?.[0];
      if (error) throw error;
      for (const text of sending) this.unsent.delete(text);
    } while (isBehind || this.unsent.size > 0);
    while (this.unrestored.length > 0) {
      const { unrestored } = this;
      const restoring = unrestored.slice(0, BATCH);
      await Promise.all(restoring.map(logOut => this.store(logOut)));
      // If Redis has lost its memory again meanwhile, `this.unrestored` is a new list. Change only the old one.
      unrestored.splice(0, restoring.length);
    }
  }

  private async store({ kind, id, at, until }: LogOut): Promise<void> {
    const left = Math.ceil(until - this.clock.now());
    if (left > 0) await this.batch.run(LOG_OUT, [this.keys.loggedOut(kind, id)], [at, left]);
  }

  /** Processes notices. @returns whether there may be more notices */
  private receive(entries: StreamEntry[]): boolean {
    const isAtPlace = this.lastId === BEGINNING || entries[0]?.[0] === this.lastId;
    if (!isAtPlace) {
      // The last read notice was deleted, and other notices may be lost with it.
      this.lastId = BEGINNING;
      this.repeatNotices();
      for (const listener of this.gapListeners) listener();
      return true;
    }
    for (const [id, fields] of entries) {
      if (id === this.lastId) continue;
      this.lastId = id;
      const [, node, , text] = fields;
      if (node !== this.node && text !== undefined) this.notify(text);
    }
    return entries.length > BATCH;
  }

  private notify(text: string): void {
    let revocation: Revocation;
    try {
      revocation = JSON.parse(text) as Revocation;
    } catch {
      return;
    }
    this.remember(revocation);
    for (const listener of this.listeners) listener(revocation);
  }

  private remember(revocation: Revocation): void {
    if (!isLogOut(revocation) || revocation.until <= this.clock.now()) return;
    const name = `${revocation.kind}:${revocation.id}`;
    const { at, until } = this.logOuts.get(name) ?? revocation;
    this.logOuts.delete(name);
    this.logOuts.set(name, {
      ...revocation,
      at: Math.max(at, revocation.at),
      until: Math.max(until, revocation.until),
    });
    makeRoom(this.logOuts, MAX_KNOWN);
  }

  private repeatNotices(): void {
    const since = this.clock.monotonic() - REPEAT_TIME;
    this.notices = this.notices.filter(({ at }) => at > since);
    for (const { text } of this.notices) this.unsent.add(text);
  }

  /** Logs that Redis rejects revocations. The link logs that Redis is down. */
  private noteFailure(error: Error): void {
    if (this.isRefused || this.link.health.status === 'down') return;
    this.isRefused = true;
    this.outage.begin(`Log-outs do not reach the other nodes: ${errorText(error, 'message')}`);
  }
}

/** Deletes the oldest entries beyond a maximum. */
function makeRoom(kept: Set<string> | Map<string, unknown>, max: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= max) return;
    kept.delete(oldest);
  }
}
