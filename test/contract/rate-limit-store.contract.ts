import { type RateLimitStore, tokenBucket } from '../../lib/rate-limit/index.js';

export interface RateLimitStoreHarness {
  store: RateLimitStore;
  /** Advances the time of the store: by a fake clock or by waiting. */
  pass(milliseconds: number): void | Promise<void>;
  close?(): void | Promise<void>;
}

const BURST = 5;
const INTERVAL = 2_000;
/** So slow that a store on a real clock gains no token between two calls of a test. */
const BUCKET = tokenBucket({ rate: 1, per: INTERVAL, burst: BURST });
/** So fast that a test can wait until it is full. */
const FAST = 500;
const FAST_BUCKET = tokenBucket({ rate: 1, per: FAST, burst: BURST });

/** The contract of every RateLimitStore, wherever it keeps its buckets. */
export function rateLimitStoreContract(
  name: string,
  makeStore: () => RateLimitStoreHarness | Promise<RateLimitStoreHarness>,
): void {
  describe(`${name} as a RateLimitStore`, () => {
    let harness: RateLimitStoreHarness;

    beforeEach(async () => {
      harness = await makeStore();
    });

    afterEach(async () => {
      await harness.close?.();
    });

    const take = async (key = 'key', cost = 1) => harness.store.take(key, BUCKET, cost);
    const drain = (key = 'key') => take(key, BURST);
    const takeAtOnce = async (times: number) => {
      const decisions = await Promise.all(Array.from({ length: times }, () => take()));
      return decisions.filter(({ allowed }) => allowed).length;
    };

    it('allows exactly the burst of 50 concurrent requests', async () => {
      expect(await takeAtOnce(50)).toBe(BURST);
    });

    it('returns the remaining tokens', async () => {
      const left = [(await take()).remaining, (await take()).remaining, (await take()).remaining];
      expect(left).toEqual([4, 3, 2]);
    });

    it('charges the cost of a request', async () => {
      expect((await take('key', 3)).remaining).toBe(2);
      expect((await take('key', 3)).allowed).toBe(false);
      expect((await take('key', 2)).remaining).toBe(0);
    });

    it('charges nothing for a rejected request', async () => {
      await take('key', 3);
      await take('key', 4);
      await take('key', 5);
      expect((await take('key', 2)).allowed).toBe(true);
    });

    it('keeps a bucket per key', async () => {
      await drain('a');
      expect((await take('a')).allowed).toBe(false);
      expect((await take('b')).remaining).toBe(BURST - 1);
    });

    it('returns when a rejected request would pass, and allows it then', async () => {
      await drain();
      const { retryAfter } = await take();
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(INTERVAL);
      await harness.pass(retryAfter);
      expect((await take()).allowed).toBe(true);
      expect((await take()).allowed).toBe(false);
    });

    it('returns when the bucket is full, and does not fill it beyond its capacity', async () => {
      const takeFast = async (cost: number) => harness.store.take('key', FAST_BUCKET, cost);
      const { resetAfter } = await takeFast(BURST);
      expect(resetAfter).toBeGreaterThan((BURST - 1) * FAST);
      expect(resetAfter).toBeLessThanOrEqual(BURST * FAST);
      await harness.pass(resetAfter + 2 * FAST);
      const decisions = await Promise.all(Array.from({ length: BURST + 2 }, () => takeFast(1)));
      expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(BURST);
    });

    it('returns no wait for an allowed request', async () => {
      expect((await take()).retryAfter).toBe(0);
    });

    describe('refund', () => {
      const refund = async (tokens: number, key = 'key') =>
        harness.store.refund(key, BUCKET, tokens);

      it('returns tokens for the next request', async () => {
        await drain();
        await refund(2);
        expect((await take('key', 2)).allowed).toBe(true);
        expect((await take()).allowed).toBe(false);
      });

      it('does not fill a bucket beyond its capacity', async () => {
        await take();
        await refund(BURST);
        await refund(BURST);
        expect(await takeAtOnce(BURST + 2)).toBe(BURST);
      });

      it('does nothing for an unused key', async () => {
        await refund(3, 'unknown');
        expect((await take('unknown', BURST)).allowed).toBe(true);
        expect((await take('unknown')).allowed).toBe(false);
      });

      it('affects one key only', async () => {
        await drain('a');
        await refund(1, 'b');
        expect((await take('a')).allowed).toBe(false);
      });
    });

    it.each(['__proto__', 'constructor', '', 'a\nb', '*', '{a}', 'ключ-🔑', 'k'.repeat(256)])(
      'treats %j like any other key',
      async key => {
        expect((await drain(key)).allowed).toBe(true);
        expect((await take(key)).allowed).toBe(false);
      },
    );
  });
}
