import { InMemoryNonceStore } from '../../../lib/replay/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';

describe('InMemoryNonceStore', () => {
  it('takes no key whose time is over, and remembers nothing of it', () => {
    const clock = new FakeClock();
    const store = new InMemoryNonceStore(10, clock);
    expect(store.use('late', clock.now() - 1)).toBe(false);
    expect(store.size).toBe(0);
    expect(store.use('last', clock.now())).toBe(true);
  });

  it('forgets sixteen expired keys a use, and no more, so that no use takes long', () => {
    const clock = new FakeClock();
    const store = new InMemoryNonceStore(1_000, clock);
    for (let key = 0; key < 100; key++) store.use(`${key}`, clock.now() + 10);
    clock.advance(11);
    store.use('next', clock.now() + 10);
    expect(store.size).toBe(100 - 16 + 1);
  });
});
