import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { type RedisStores, redisStores, type RedisStoresOptions } from '../../lib/redis/index.js';
import { RecordingFollower } from '../contract/event-log.contract.js';
import { append as appendTo } from '../helpers/event-logs.js';
import { eventually, pause } from '../helpers/eventually.js';
import { RedisServer } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';

export const LOG_KEY = 'semantic-events:{se}:events';
/** Epoch and last id of the log. */
export const STATE_KEY = `${LOG_KEY}:log`;
/** The nodes that publish or follow. */
export const NODES_KEY = `${LOG_KEY}:nodes`;
/** A timeout for tests of a Redis that does not answer. A busy machine may exceed it. */
export const SHORT = 1_000;
/** The timeout of all other tests. */
const PATIENT = 10_000;

/** One Redis, the nodes that share it in a test, and what they log. */
export class EventLogScene {
  server!: RedisServer;
  admin!: Redis;
  readonly logged: string[] = [];
  private readonly open: (() => unknown)[] = [];
  private readonly unhandled: unknown[] = [];

  /** Starts each test of the suite with an empty Redis, and closes everything after it. */
  constructor() {
    const note = (reason: unknown) => this.unhandled.push(reason);
    beforeAll(async () => {
      process.on('unhandledRejection', note);
      this.server = await RedisServer.start();
      this.admin = this.server.client();
    });
    beforeEach(async () => {
      await this.admin.flushall();
      this.logged.length = 0;
      for (const level of ['error', 'warn', 'log'] as const)
        jest
          .spyOn(Logger.prototype, level)
          .mockImplementation(text => this.logged.push(String(text)));
    });
    afterEach(async () => {
      this.server.cont();
      for (const close of this.open.splice(0).reverse()) await close();
      expect(this.unhandled).toEqual([]);
    });
    afterAll(async () => {
      process.off('unhandledRejection', note);
      jest.restoreAllMocks();
      await this.server.close();
    });
  }

  /** Runs a clean-up after the test, in reverse order. */
  finally(close: () => unknown): void {
    this.open.push(close);
  }

  node(options: RedisStoresOptions = {}): RedisStores {
    const url = options.client ? undefined : this.server.url;
    const stores = redisStores({ url, commandTimeout: PATIENT, ...options });
    this.finally(() => stores.close());
    return stores;
  }

  /** Returns every connection of Redis. */
  async connections(): Promise<string[]> {
    return String(await this.admin.client('LIST'))
      .trim()
      .split('\n');
  }
}

export async function following({ eventLog }: RedisStores): Promise<RecordingFollower> {
  const follower = new RecordingFollower();
  await eventLog.follow(follower);
  return follower;
}

export function append({ eventLog }: RedisStores, ...texts: string[]): Promise<string[]> {
  return Promise.all(texts.map(text => appendTo(eventLog, 'a.b', text)));
}

/** Appends until Redis accepts it. */
export async function appendSoon(stores: RedisStores, text: string): Promise<void> {
  const elapsed = stopwatch();
  while (!(await append(stores, text).catch(() => undefined))) {
    expect(elapsed()).toBeLessThan(20_000);
    await pause(20);
  }
}

export function untilReceived(follower: RecordingFollower, count: number): Promise<void> {
  return eventually(() => follower.entries.length >= count);
}

export function range(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index}`);
}
