import type { SemanticEvent } from '../../../lib/event/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import {
  InMemoryNonceStore,
  type NonceScope,
  NonceStore,
  NonceTracker,
} from '../../../lib/replay/index.js';
import { FakeServer, RemoteNonceStore } from '../../helpers/failing-stores.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';
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
  const outcome = (event: SemanticEvent, scope: NonceScope = 'main') =>
    refusalOf(() => tracker.use(event, scope));

  beforeEach(() => {
    clock = new FakeClock();
    tracker = trackerWith(new InMemoryNonceStore(100, clock));
  });

  it('accepts a nonce once', () => {
    expect(tracker.use(eventAt(start), 'main')).toBe(true);
    expect(outcome(eventAt(start))).toBe('REPLAY_DETECTED');
  });

  it('accepts a nonce once per key', () => {
    expect(outcome(eventAt(start), 'main')).toBeUndefined();
    expect(outcome(eventAt(start), 'next')).toBeUndefined();
    expect(outcome(eventAt(start), 'next')).toBe('REPLAY_DETECTED');
  });

  it('distinguishes nonces by case and by every character', () => {
    for (const nonce of ['aaaaaaaaaaaaaaaa', 'Aaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaa'])
      expect(outcome(eventAt(start, nonce))).toBeUndefined();
  });

  it.each([
    ['of now', 0],
    ['10 s old', -10 * SECOND],
    ['60 s ahead', 60 * SECOND],
  ])(
    'stores the nonce of an event %s through the last moment the event is accepted',
    (_, offset) => {
      clock.setWall(start - 10 * SECOND);
      tracker = trackerWith(new InMemoryNonceStore(100, clock));
      clock.setWall(start);
      const event = eventAt(start + offset);
      expect(outcome(event)).toBeUndefined();
      clock.setWall(start + offset + MAX_AGE);
      expect(outcome(event)).toBe('REPLAY_DETECTED');
      clock.advance(1);
      expect(outcome(event)).toBe('EVENT_EXPIRED');
    },
  );

  it('drops a nonce once its event is no longer accepted', () => {
    outcome(eventAt(start));
    clock.advance(MAX_AGE + 1);
    expect(outcome(eventAt(clock.now()))).toBeUndefined();
  });

  it('rejects an event from the future that is replayed 301 s later', () => {
    const event = eventAt(start + 60 * SECOND);
    outcome(event);
    clock.advance(301 * SECOND);
    expect(outcome(event)).toBe('REPLAY_DETECTED');
  });

  it('does not accept a used nonce again when the clock is set back', () => {
    const event = eventAt(start);
    outcome(event);
    clock.advance(MAX_AGE + 1);
    // Two more uses make the store drop the nonce.
    outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'));
    outcome(eventAt(clock.now(), 'cccccccccccccccc'));
    clock.setWall(start);
    expect(outcome(event)).toBe('EVENT_EXPIRED');
  });

  it('accepts new events of a connection although the clock was an hour ahead', () => {
    const connection = {};
    outcome(eventAt(start), connection);
    clock.setWall(start + 3_600 * SECOND);
    outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'), connection);
    clock.setWall(start + SECOND);
    expect(outcome(eventAt(clock.now(), 'cccccccccccccccc'), connection)).toBeUndefined();
    expect(outcome(eventAt(start), connection)).toBe('REPLAY_DETECTED');
  });

  it('still accepts new events when the clock is set back a little', () => {
    clock.advance(60 * SECOND);
    outcome(eventAt(start));
    clock.setWall(clock.now() - 10 * SECOND);
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
  ])('rejects an event with %s', (_, members) => {
    expect(outcome({ ...eventAt(start), ...members } as unknown as SemanticEvent)).toBe(
      'INVALID_EVENT',
    );
  });

  it('accepts fresh ring key events while the store is full, and rejects those it may have dropped', () => {
    tracker = trackerWith(new InMemoryNonceStore(1, clock));
    outcome(eventAt(start));
    expect(outcome(eventAt(start, 'bbbbbbbbbbbbbbbb'))).toBe('EVENT_EXPIRED');
    clock.advance(1);
    expect(outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'))).toBeUndefined();
    expect(outcome(eventAt(start))).toBe('EVENT_EXPIRED');
    expect(outcome(eventAt(clock.now(), 'bbbbbbbbbbbbbbbb'))).toBe('REPLAY_DETECTED');
  });

  it.each([
    ['accepts', true, undefined],
    ['rejects', false, 'RATE_LIMITED'],
  ])(
    '%s what a limit decides later, and consumes its nonce only if it passes',
    async (_, allowed, code) => {
      for (const scope of ['main', {}]) {
        const decided = Promise.resolve({ allowed, remaining: 0, retryAfter: 9, resetAfter: 9 });
        const used = await Promise.allSettled([tracker.use(eventAt(start), scope, { decided })]);
        expect(used).toMatchObject([code ? { reason: { code } } : { value: true }]);
        expect(outcome(eventAt(start), scope)).toBe(code ? undefined : 'REPLAY_DETECTED');
      }
    },
  );

  it.each([
    ['accepts', true, undefined],
    ['rejects', false, { code: 'REPLAY_DETECTED' }],
  ])('%s what a store answers later', async (_, isNew, refusal) => {
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

  describe('with session keys', () => {
    it('does not use the store, whatever its state', () => {
      class FailingStore extends NonceStore {
        use(): boolean {
          throw new Error('down');
        }
      }
      tracker = trackerWith(new FailingStore());
      const connection = {};
      expect(outcome(eventAt(start))).toBe('UNAVAILABLE');
      expect(outcome(eventAt(start), connection)).toBeUndefined();
      expect(outcome(eventAt(start), connection)).toBe('REPLAY_DETECTED');
    });

    it('accepts a nonce once per connection', () => {
      const [one, other] = [{}, {}];
      expect(outcome(eventAt(start), one)).toBeUndefined();
      expect(outcome(eventAt(start), other)).toBeUndefined();
      expect(outcome(eventAt(start), one)).toBe('REPLAY_DETECTED');
    });

    it('accepts fresh events of a connection that has used up its share, and of all others', () => {
      const options = resolvedOptions({ replay: { maxNoncesPerConnection: 10 } });
      tracker = new NonceTracker(options, new InMemoryNonceStore(100, clock), clock);
      const [flooding, calm] = [{}, {}];
      const old = eventAt(start);
      expect(outcome(old, flooding)).toBeUndefined();
      expect(outcome(old, calm)).toBeUndefined();
      for (let event = 0; event < 100; event++) {
        clock.advance(1);
        expect(
          outcome(eventAt(clock.now(), `nonce-00000000000-${event}`), flooding),
        ).toBeUndefined();
      }
      expect(outcome(old, flooding)).toBe('EVENT_EXPIRED');
      expect(outcome(old, calm)).toBe('REPLAY_DETECTED');
    });
  });

  it('passes the creation time of an event to the store', async () => {
    const calls: unknown[] = [];
    class Store extends NonceStore {
      use(key: string, expiresAt: number, madeAt?: number): boolean {
        calls.push([key, expiresAt, madeAt]);
        return true;
      }
    }
    await trackerWith(new Store()).use(eventAt(start - 7), 'main');
    expect(calls).toEqual([['main:0123456789abcdef', start - 7 + MAX_AGE, start - 7]]);
  });

  describe('while the store is down', () => {
    const trackerUnder = (onStoreError: 'deny' | 'allow' | 'local') => {
      captureLog();
      const server = new FakeServer();
      server.isDown = true;
      return new NonceTracker(
        resolvedOptions({ replay: { onStoreError } }),
        new RemoteNonceStore(server),
        clock,
      );
    };

    it('rejects events with UNAVAILABLE under deny', async () => {
      await expect(trackerUnder('deny').use(eventAt(start), 'main')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'the store of nonces fails',
      });
    });

    it('accepts a nonce every time under allow', async () => {
      const open = trackerUnder('allow');
      for (let time = 0; time < 2; time++)
        expect(await open.use(eventAt(start), 'main')).toBe(true);
    });

    it('accepts a nonce once per node under local', async () => {
      const local = trackerUnder('local');
      expect(await local.use(eventAt(start), 'main')).toBe(true);
      await expect(local.use(eventAt(start), 'main')).rejects.toMatchObject({
        code: 'REPLAY_DETECTED',
      });
    });
  });

  it('rejects an event with the error of a limit that cannot decide, and keeps its nonce', async () => {
    for (const scope of ['main', {}]) {
      const decided = Promise.reject(new RefusalError('UNAVAILABLE'));
      await expect(tracker.use(eventAt(start), scope, { decided })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      expect(outcome(eventAt(start), scope)).toBeUndefined();
    }
  });

  it.each<[string, string, () => unknown]>([
    [
      'a used nonce',
      'the nonce was used before, for this key',
      () => tracker.use(eventAt(start), 'main'),
    ],
    [
      'an old event',
      'time is older than signing.maxAge by the latest time this process has seen',
      () => {
        clock.advance(MAX_AGE + 1);
      },
    ],
    [
      'an event from before the start',
      'it was created before this process started, and nonces were lost at the restart: sign it again',
      () => {
        clock.advance(1);
        tracker = trackerWith(new InMemoryNonceStore(1, clock));
      },
    ],
    [
      'an event that a full store may have dropped',
      'its nonce may have been dropped: more than replay.maxNonces were in use',
      () => {
        tracker = trackerWith(new InMemoryNonceStore(1, clock));
        void tracker.use(eventAt(start + 1, 'bbbbbbbbbbbbbbbb'), 'main');
        void tracker.use(eventAt(start + 2, 'cccccccccccccccc'), 'main');
      },
    ],
  ])('reports to operators why it rejects %s', (_, reason, prepare) => {
    prepare();
    expect(() => tracker.use(eventAt(start), 'main')).toThrow(
      expect.objectContaining({ reason }) as Error,
    );
  });

  it('reports to operators that a connection sent more nonces than allowed', () => {
    const options = resolvedOptions({ replay: { maxNoncesPerConnection: 1 } });
    tracker = new NonceTracker(options, new InMemoryNonceStore(1, clock), clock);
    const connection = {};
    void tracker.use(eventAt(start, 'bbbbbbbbbbbbbbbb'), connection);
    expect(() => tracker.use(eventAt(start), connection)).toThrow(
      expect.objectContaining({
        code: 'EVENT_EXPIRED',
        reason: expect.stringContaining('replay.maxNoncesPerConnection') as string,
      }) as Error,
    );
  });

  it('accepts an event up to signing.maxAge after its time, and rejects it from then on', () => {
    expect(outcome(eventAt(start - MAX_AGE))).toBe('EVENT_EXPIRED');
    tracker = trackerWith({ useNonce: () => true } as unknown as NonceStore);
    expect(outcome(eventAt(start - MAX_AGE))).toBeUndefined();
    expect(outcome(eventAt(start - MAX_AGE - 1))).toBe('EVENT_EXPIRED');
  });

  it.each([1, 'yes', {}, undefined])(
    'rejects a nonce if the store of an application returns %p instead of true',
    answer => {
      tracker = trackerWith({ useNonce: () => answer } as unknown as NonceStore);
      expect(outcome(eventAt(start))).toBe('REPLAY_DETECTED');
    },
  );
});
