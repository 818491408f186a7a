import { Reflector } from '@nestjs/core';
import type { Client } from '../../../lib/connection/index.js';
import { RefusalException } from '../../../lib/handler/index.js';
import { markReceived, type SemanticEvent } from '../../../lib/event/index.js';
import type { PendingDecision } from '../../../lib/rate-limit/index.js';
import { InMemoryNonceStore, NonceStore, NonceTracker } from '../../../lib/replay/index.js';
import { EventSigner, SignedEvent, SignedEventGuard } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt, wsContext } from '../../helpers/ws-context.js';

class Gateway {
  @SignedEvent()
  click() {}

  @SignedEvent({ keys: 'session' })
  pay() {}
}

class SlowStore extends NonceStore {
  constructor(private readonly inner: NonceStore) {
    super();
  }

  async use(key: string, expiresAt: number): Promise<boolean> {
    await Promise.resolve();
    return this.inner.use(key, expiresAt);
  }
}

describe('SignedEventGuard', () => {
  const options = resolvedOptions();
  let clock: FakeClock;
  let store: InMemoryNonceStore;
  let signer: EventSigner;
  let client: Client;

  beforeEach(() => {
    clock = new FakeClock();
    store = new InMemoryNonceStore(100, clock);
    signer = new EventSigner(options, clock);
    client = clientAt('192.0.2.1');
  });

  const guardOn = (nonces: NonceStore) =>
    new SignedEventGuard(
      signer,
      new NonceTracker(options, nonces, clock),
      new Reflector(),
      options,
    );
  const signed = (type = 'click', data: unknown = 1) =>
    signer.sign({ specversion: '1.0', type, source: 'app', id: 'e1', data }, { direction: 'c2s' });
  const call = (data: unknown, method = 'click', pattern = method) =>
    guardOn(store).canActivate(wsContext(Gateway, method, { client, data, pattern }));

  it('accepts a signed event once', () => {
    const event = signed();
    expect(call(event)).toBe(true);
    expect(refusalOf(() => call(structuredClone(event)))).toBe('REPLAY_DETECTED');
  });

  it('accepts exactly one of 100 concurrent copies with an asynchronous store', async () => {
    const guard = guardOn(new SlowStore(store));
    const event = signed();
    const calls = Array.from({ length: 100 }, async () =>
      guard.canActivate(wsContext(Gateway, 'click', { client, data: structuredClone(event) })),
    );
    const results = await Promise.allSettled(calls);
    const codes = results.flatMap(result =>
      result.status === 'rejected' ? [(result.reason as RefusalException).code] : [],
    );
    expect(codes).toEqual(Array<string>(99).fill('REPLAY_DETECTED'));
  });

  it.each<[string, string, (event: SemanticEvent) => unknown]>([
    ['is not signed', 'INVALID_SIGNATURE', ({ semanticsignature: _, ...event }) => event],
    ['was changed', 'INVALID_SIGNATURE', event => ({ ...event, data: 2 })],
    ['is no event', 'INVALID_EVENT', () => 'hello'],
    ['is nothing', 'INVALID_EVENT', () => undefined],
    ['has no source', 'INVALID_EVENT', event => ({ ...event, source: '' })],
    ['lies ahead', 'EVENT_EXPIRED', event => ({ ...event, time: '2026-11-23T10:02:00Z' })],
  ])('rejects what %s, and does not consume its nonce', (_, code, change) => {
    const event = signed();
    expect(refusalOf(() => call(change(event)))).toBe(code);
    expect(store.size).toBe(0);
    expect(call(event)).toBe(true);
  });

  it('rejects an event that was signed for another handler', () => {
    expect(refusalOf(() => call(signed('click'), 'pay', 'pay'))).toBe('INVALID_SIGNATURE');
    expect(refusalOf(() => call(signed('pay'), 'click', 'click'))).toBe('INVALID_SIGNATURE');
    expect(store.size).toBe(0);
  });

  it('accepts an event once, even if its key is renamed', () => {
    const event = signed();
    expect(call(event)).toBe(true);
    signer.rotate(options.signing.keys.map(key => ({ ...key, id: 'renamed' })));
    const { semanticsignature } = event;
    const renamed = { ...event, semanticsignature: semanticsignature.replace('main', 'renamed') };
    expect(renamed).not.toEqual(event);
    expect(refusalOf(() => call(renamed))).toBe('REPLAY_DETECTED');
  });

  it('does not use the store for the nonce of a session key', () => {
    signer.sessionKeyOf(client);
    const event = signer.sign(
      { specversion: '1.0', type: 'pay', source: 'app', id: 'e1' },
      { client, direction: 'c2s' },
    );
    const guard = guardOn(store);
    const once = () =>
      guard.canActivate(
        wsContext(Gateway, 'pay', { client, data: structuredClone(event), pattern: 'pay' }),
      );
    expect(once()).toBe(true);
    expect(refusalOf(once)).toBe('REPLAY_DETECTED');
    expect(store.size).toBe(0);
  });

  it('accepts only the keys of its handler', () => {
    const byRing = signed('pay');
    expect(refusalOf(() => call(byRing, 'pay'))).toBe('INVALID_SIGNATURE');
    signer.sessionKeyOf(client);
    const { semanticsignature: _, ...event } = byRing;
    expect(call(signer.sign(event, { client, direction: 'c2s' }), 'pay')).toBe(true);
  });

  describe('of an event for several gateways', () => {
    const received = () => {
      const event = signed();
      markReceived(event, 'event');
      return event;
    };
    class LimitedGuard extends SignedEventGuard {
      use(event: SemanticEvent, limit?: PendingDecision) {
        return this.useNonce(event, 'scope', limit);
      }
    }
    const limited = () =>
      new LimitedGuard(signer, new NonceTracker(options, store, clock), new Reflector(), options);
    const decided = (allowed: boolean) =>
      ({
        decided: Promise.resolve({ allowed, retryAfter: 7, remaining: 0 }),
      }) as unknown as PendingDecision;

    it('uses its nonce up once, for all of them', () => {
      const event = received();
      expect([call(event), call(event)]).toEqual([true, true]);
      expect(refusalOf(() => call(structuredClone(event)))).toBe('REPLAY_DETECTED');
    });

    it('applies the rate limit of each of them', async () => {
      const event = received();
      const guard = limited();
      expect(await guard.use(event, decided(true))).toBe(true);
      expect(await guard.use(event)).toBe(true);
      expect(await guard.use(event, decided(true))).toBe(true);
      const refused = Promise.resolve(guard.use(event, decided(false)));
      await expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    });
  });

  it('tells operators that the frame has another type than the event', () => {
    const [event, reason] = [signed(), 'the type of the event differs from the type in the frame'];
    expect(() => call(event, 'click', 'other')).toThrow(
      expect.objectContaining({ code: 'INVALID_SIGNATURE', reason }) as Error,
    );
  });

  it('accepts an event for a handler without options of its own', () => {
    class Plain {
      click() {}
    }
    expect(guardOn(store).canActivate(wsContext(Plain, 'click', { client, data: signed() }))).toBe(
      true,
    );
  });

  it('throws a WsException with the event id and nothing else of the event', () => {
    const event = { ...signed(), semanticsignature: 'hunter2', data: 'hunter2' };
    expect.assertions(2);
    try {
      void call(event);
    } catch (error) {
      const response = (error as RefusalException).getError();
      expect(response).toMatchObject({ code: 'INVALID_SIGNATURE', id: 'e1' });
      expect(JSON.stringify(response)).not.toContain('hunter2');
    }
  });
});
