import {
  ConnectionStore,
  NonceStore,
  type RateLimitDecision,
  RateLimitStore,
  type SlotClaim,
} from '../../lib/index.js';
import { InMemoryConnectionStore } from '../../lib/connection/index.js';
import { InMemoryRateLimitStore, type TokenBucket } from '../../lib/rate-limit/index.js';
import { InMemoryNonceStore } from '../../lib/replay/index.js';
import { FakeClock } from './fake-clock.js';

/** A server behind several stores. When it is down, all of them fail. */
export class FakeServer {
  isDown = false;
  requests = 0;

  /** Answers asynchronously, as over a network. */
  async ask<T>(answer: () => T | Promise<T>): Promise<T> {
    this.requests++;
    await Promise.resolve();
    if (this.isDown) throw new Error('canary: connection refused');
    return answer();
  }
}

export class RemoteNonceStore extends NonceStore {
  private readonly memory = new InMemoryNonceStore(1_000, new FakeClock(0));

  constructor(private readonly server: FakeServer) {
    super();
  }

  use(key: string, expiresAt: number): Promise<boolean> {
    return this.server.ask(() => this.memory.use(key, expiresAt));
  }
}

export class RemoteRateLimitStore extends RateLimitStore {
  private readonly memory = new InMemoryRateLimitStore(1_000, new FakeClock());

  constructor(private readonly server: FakeServer) {
    super();
  }

  take(key: string, bucket: TokenBucket, cost: number): Promise<RateLimitDecision> {
    return this.server.ask(() => this.memory.take(key, bucket, cost));
  }

  refund(key: string, bucket: TokenBucket, tokens: number): Promise<void> {
    return this.server.ask(() => {
      this.memory.refund(key, bucket, tokens);
    });
  }
}

export class RemoteConnectionStore extends ConnectionStore {
  private readonly memory = new InMemoryConnectionStore();

  constructor(private readonly server: FakeServer) {
    super();
  }

  acquire(claims: readonly SlotClaim[]): Promise<SlotClaim | undefined> {
    return this.server.ask(() => this.memory.acquire(claims));
  }

  release(keys: readonly string[]): Promise<void> {
    return this.server.ask(() => {
      this.memory.release(keys);
    });
  }

  count(key: string): Promise<number> {
    return this.server.ask(() => this.memory.count(key));
  }
}
