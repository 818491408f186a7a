import * as fc from 'fast-check';
import { isWithin, type SemanticEvent } from '../../lib/event/index.js';
import { InMemoryNonceStore, NonceTracker } from '../../lib/replay/index.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { refusalOf } from '../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../helpers/resolved-options.js';

fc.configureGlobal({ seed: 20_261_128 });

/** The key of a connection, which keeps its nonces as long as it exists. */
const CONNECTION = 'connection';
const WINDOW = { maxAge: 1000, clockSkew: 200 };
const options = resolvedOptions({
  signing: { keys: [{ id: 'main', secret: MAIN_SECRET }], ...WINDOW },
});

interface Step {
  /** How far the clock moves first. */
  move: number;
  /** The event's time, relative to the clock. */
  offset: number;
  nonce: string;
  keyId: string;
}

const stepMoving = (min: number): fc.Arbitrary<Step> =>
  fc.record({
    // Near the edges of the window, where gaps would be.
    move: fc.oneof(
      fc.integer({ min, max: 400 }),
      fc.constantFrom(0, 1, WINDOW.maxAge, WINDOW.maxAge + 1, WINDOW.clockSkew),
    ),
    offset: fc.oneof(
      fc.integer({ min: -WINDOW.maxAge - 5, max: WINDOW.clockSkew + 5 }),
      fc.constantFrom(-WINDOW.maxAge, 0, WINDOW.clockSkew),
    ),
    nonce: fc.constantFrom('aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb', 'cccccccccccccccc'),
    keyId: fc.constantFrom('main', 'next', CONNECTION),
  });

/** The replay protection of a server: events outside the window do not reach the tracker. */
function makeServer() {
  const clock = new FakeClock();
  const tracker = new NonceTracker(options, new InMemoryNonceStore(1_000, clock), clock);
  const connection = {};
  // After the time of events that an earlier process may have accepted.
  clock.advance(WINDOW.maxAge + 3_000);
  const accepts = (time: number, nonce: string, keyId: string) => {
    const event: SemanticEvent = {
      specversion: '1.0',
      type: 'a',
      source: 'b',
      id: 'c',
      time: new Date(time).toISOString(),
      semanticnonce: nonce,
    };
    if (!isWithin(WINDOW, time, clock.now())) return false;
    return (
      refusalOf(() => tracker.use(event, keyId === CONNECTION ? connection : keyId)) === undefined
    );
  };
  return { clock, accepts };
}

describe('stored nonces', () => {
  it('accept a nonce exactly when no accepted event with it is still in its window', () => {
    fc.assert(
      fc.property(fc.array(stepMoving(0), { minLength: 5, maxLength: 60 }), steps => {
        const { clock, accepts } = makeServer();
        const acceptableUntil = new Map<string, number>();
        for (const { move, offset, nonce, keyId } of steps) {
          clock.advance(move);
          const now = clock.now();
          const name = `${keyId} ${nonce}`;
          const until = acceptableUntil.get(name) ?? -Infinity;
          const isUsed = keyId === CONNECTION ? until > -Infinity : until >= now;
          const expected = isWithin(WINDOW, now + offset, now) && !isUsed;
          expect(accepts(now + offset, nonce, keyId)).toBe(expected);
          if (expected) acceptableUntil.set(name, now + offset + WINDOW.maxAge);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('accept no event twice, whatever the clock does and whenever it is sent again', () => {
    fc.assert(
      fc.property(fc.array(stepMoving(-3_000), { minLength: 5, maxLength: 40 }), steps => {
        const { clock, accepts } = makeServer();
        const accepted: [number, string, string][] = [];
        for (const { move, offset, nonce, keyId } of steps) {
          clock.setWall(clock.now() + move);
          for (const replay of accepted) expect(accepts(...replay)).toBe(false);
          const event: [number, string, string] = [clock.now() + offset, nonce, keyId];
          if (accepts(...event)) accepted.push(event);
        }
      }),
      { numRuns: 500 },
    );
  });
});
