import { Reflector } from '@nestjs/core';
import type { Client } from '../../../lib/connection/index.js';
import { RefusalException } from '../../../lib/handler/index.js';
import type { SemanticEvent } from '../../../lib/event/index.js';
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

  it('lets a signed event pass once', () => {
    const event = signed();
    expect(call(event)).toBe(true);
    expect(refusalOf(() => call(structuredClone(event)))).toBe('REPLAY_DETECTED');
  });

  it('waits for a store that answers later, and lets exactly one of 100 at once pass', async () => {
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
  ])('refuses what %s, and uses up no nonce for it', (_, code, change) => {
    const event = signed();
    expect(refusalOf(() => call(change(event)))).toBe(code);
    expect(store.size).toBe(0);
    expect(call(event)).toBe(true);
  });

  it('does not carry an event that was signed for one handler to another', () => {
    expect(refusalOf(() => call(signed('click'), 'pay', 'pay'))).toBe('INVALID_SIGNATURE');
    expect(refusalOf(() => call(signed('pay'), 'click', 'click'))).toBe('INVALID_SIGNATURE');
    expect(store.size).toBe(0);
  });

  it('takes only the keys its handler takes', () => {
    const byRing = signed('pay');
    expect(refusalOf(() => call(byRing, 'pay'))).toBe('INVALID_SIGNATURE');
    signer.sessionKeyOf(client);
    const { semanticsignature: _, ...event } = byRing;
    expect(call(signer.sign(event, { client, direction: 'c2s' }), 'pay')).toBe(true);
  });

  it('refuses with an exception of Nest that names the event and nothing else of it', () => {
    const event = { ...signed(), semanticsignature: 'hunter2', data: 'hunter2' };
    expect.assertions(2);
    try {
      void call(event);
    } catch (error) {
      const told = (error as RefusalException).getError();
      expect(told).toMatchObject({ code: 'INVALID_SIGNATURE', id: 'e1' });
      expect(JSON.stringify(told)).not.toContain('hunter2');
    }
  });
});
