import { InMemoryNonceStore } from '../../../lib/replay/in-memory-nonce-store.js';
import { FakeClock } from '../../helpers/fake-clock.js';

describe('InMemoryNonceStore', () => {
  it('rejects an expired key, and stores nothing for it', () => {
    const clock = new FakeClock();
    const store = new InMemoryNonceStore(10, clock);
    expect(store.use('late', clock.now() - 1)).toBe(false);
    expect(store.size).toBe(0);
    expect(store.use('last', clock.now())).toBe(true);
  });

  it('drops at most sixteen expired keys per use, so that no use takes long', () => {
    const clock = new FakeClock();
    const store = new InMemoryNonceStore(1_000, clock);
    for (let key = 0; key < 100; key++) store.use(`${key}`, clock.now() + 10);
    clock.advance(11);
    store.use('next', clock.now() + 10);
    expect(store.size).toBe(100 - 16 + 1);
  });
});
