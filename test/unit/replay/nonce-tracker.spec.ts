import type { SemanticEvent } from '../../../lib/event/index.js';
import type { RateLimitDecision } from '../../../lib/rate-limit/index.js';
import { InMemoryNonceStore, NonceStore, NonceTracker } from '../../../lib/replay/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const SECOND = 1000;
const MAX_AGE = 300 * SECOND;
const start = new FakeClock().now();

const eventAt = (time: number, semanticnonce = '0123456789abcdef'): SemanticEvent => ({
  specversion: '1.0',
  type: 'a',
  source: 'b',
  id: 'c',
  time: new Date(time).toISOString(),
  semanticnonce,
});

describe('NonceTracker', () => {
  let clock: FakeClock;
  let tracker: NonceTracker;

  const trackerWith = (store: NonceStore) => new NonceTracker(resolvedOptions(), store, clock);
  const outcome = (event: SemanticEvent, keyId = 'main') =>
    refusalOf(() => tracker.use(event, keyId));

  beforeEach(() => {
    clock = new FakeClock();
    tracker = trackerWith(new InMemoryNonceStore(100, clock));
  });

  it('lets a nonce pass once', () => {
    expect(tracker.use(eventAt(start), 'main')).toBe(true);
    expect(outcome(eventAt(start))).toBe('REPLAY_DETECTED');
  });

  it('lets a nonce pass once for each key', () => {
    expect(outcome(eventAt(start), 'main')).toBeUndefined();
    expect(outcome(eventAt(start), 's-client')).toBeUndefined();
    expect(outcome(eventAt(start), 's-client')).toBe('REPLAY_DETECTED');
  });

  it('tells nonces apart by case and by every character', () => {
    for (const nonce of ['aaaaaaaaaaaaaaaa', 'Aaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaa'])
      expect(outcome(eventAt(start, nonce))).toBeUndefined();
  });

  it.each([
    ['of now', 0],
    ['10 s old', -10 * SECOND],
    ['60 s ahead', 60 * SECOND],
  ])('remembers the nonce of an event %s through the last moment it is accepted', (_, offset) => {
    const event = eventAt(start + offset);
    expect(outcome(event)).toBeUndefined();
    clock.setWall(start + offset + MAX_AGE);
    expect(outcome(event)).toBe('REPLAY_DETECTED');
    clock.advance(1);
    expect(outcome(event)).toBe('EVENT_EXPIRED');
  });

  it('forgets a nonce once its event is not accepted any more', () => {
    outcome(eventAt(start));
    clock.advance(MAX_AGE + 1);
    expect(outcome(eventAt(clock.now()))).toBeUndefined();
  });

  it('leaves no gap for an event from the future, replayed 301 s later', () => {
    const event = eventAt(start + 60 * SECOND);
    outcome(event);
    clock.advance(301 * SECOND);
    expect(outcome(event)).toBe('REPLAY_DETECTED');
  });

  it('does not open again what has passed when the clock is set back', () => {
    const event = eventAt(start);
    outcome(event);
    clock.advance(MAX_AGE + 1);
    // Two more uses, so that the store has certainly dropped the nonce.
    outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'));
    outcome(eventAt(clock.now(), 'cccccccccccccccc'));
    clock.setWall(start);
    expect(outcome(event)).toBe('EVENT_EXPIRED');
  });

  it('goes on accepting new events when the clock is set back a little', () => {
    outcome(eventAt(start));
    clock.setWall(start - 10 * SECOND);
    expect(outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'))).toBeUndefined();
  });

  it.each([
    ['no nonce', { semanticnonce: undefined }],
    ['a nonce of 15 characters', { semanticnonce: 'a'.repeat(15) }],
    ['a nonce of 129 characters', { semanticnonce: 'a'.repeat(129) }],
    ['a delimiter in its nonce', { semanticnonce: 'aaaaaaaa:aaaaaaaa' }],
    ['a nonce that is not a string', { semanticnonce: 1234567890123456 }],
    ['no time', { time: undefined }],
    ['a time without offset', { time: '2026-11-23T10:00:00' }],
  ])('refuses an event with %s', (_, members) => {
    expect(outcome({ ...eventAt(start), ...members } as unknown as SemanticEvent)).toBe(
      'INVALID_EVENT',
    );
  });

  it('refuses while the store is full, and recovers', () => {
    tracker = trackerWith(new InMemoryNonceStore(1, clock));
    outcome(eventAt(start));
    expect(outcome(eventAt(start, 'bbbbbbbbbbbbbbbb'))).toBe('UNAVAILABLE');
    expect(outcome(eventAt(start))).toBe('REPLAY_DETECTED');
    clock.advance(MAX_AGE + 1);
    expect(outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'))).toBeUndefined();
  });

  it.each([
    ['lets pass', true, undefined],
    ['refuses', false, { code: 'REPLAY_DETECTED' }],
  ])('%s what a store says later', async (_, isNew, refusal) => {
    class LaterStore extends NonceStore {
      use(): Promise<boolean> {
        return Promise.resolve(isNew);
      }
    }
    const used = trackerWith(new LaterStore()).use(eventAt(start), 'main');
    expect(used).toBeInstanceOf(Promise);
    await (refusal
      ? expect(used).rejects.toMatchObject(refusal)
      : expect(used).resolves.toBe(true));
  });

  it('tells a store when an event was made, unless it is worth nothing to another process', async () => {
    const told: (number | undefined)[] = [];
    class Store extends NonceStore {
      use(_key: string, _expiresAt: number, madeAt?: number): boolean {
        told.push(madeAt);
        return true;
      }
    }
    const passed: RateLimitDecision = { allowed: true, remaining: 1, retryAfter: 0, resetAfter: 0 };
    const decided = Promise.resolve(passed);
    const tracker = trackerWith(new Store());
    for (const keyId of ['main', 's-client']) {
      await tracker.use(eventAt(start - 7), keyId);
      await tracker.use(eventAt(start - 7), keyId, { asked: decided, decided });
    }
    expect(told).toEqual([start - 7, start - 7, Infinity, Infinity]);
  });
});
