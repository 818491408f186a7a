import { InMemoryConnectionStore } from '../../../lib/connection/in-memory-connection-store.js';
import { connectionStoreContract } from '../../contract/connection-store.contract.js';

connectionStoreContract('InMemoryConnectionStore', () => ({
  store: new InMemoryConnectionStore(),
}));

describe('InMemoryConnectionStore', () => {
  it('does not store a key after its last connection has closed', () => {
    const store = new InMemoryConnectionStore();
    for (let address = 0; address < 10_000; address++) {
      store.acquire([{ key: `address:${address}`, limit: 1 }]);
      store.acquire([{ key: `address:${address}`, limit: 1 }]);
    }
    expect(store.size).toBe(10_000);
    for (let address = 0; address < 10_000; address++) store.release([`address:${address}`]);
    expect(store.size).toBe(0);
  });

  it('does not store a key for a rejected connection', () => {
    const store = new InMemoryConnectionStore();
    store.acquire([
      { key: 'a', limit: 1 },
      { key: 'b', limit: 0 },
    ]);
    expect(store.size).toBe(0);
  });

  it('answers synchronously, so that handshakes cannot interleave', () => {
    const store = new InMemoryConnectionStore();
    expect(store.acquire([{ key: 'a', limit: 1 }])).toBeUndefined();
    expect(store.count('a')).toBe(1);
  });
});
