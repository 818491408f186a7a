import { createSecretKey, hkdfSync, randomUUID } from 'node:crypto';
import { deriveSessionKey } from '../../../lib/signing/session-key.js';

const RING_SECRET = Buffer.alloc(32, 7);
const ringKey = createSecretKey(RING_SECRET);

describe('deriveSessionKey', () => {
  it('is HKDF-SHA256 of the ring key, salted with the client id, as PROTOCOL.md has it', () => {
    const clientId = randomUUID();
    const expected = hkdfSync('sha256', RING_SECRET, clientId, 'semantic-events/v1/session', 32);
    const { key } = deriveSessionKey(ringKey, clientId);
    expect(key.export().toString('hex')).toBe(Buffer.from(expected).toString('hex'));
  });

  it('names the key after the client, with the prefix no ring key may have', () => {
    expect(deriveSessionKey(ringKey, 'client').id).toBe('s-client');
  });

  it('has an id that fits a signature, for a client id as the server makes them', () => {
    expect(deriveSessionKey(ringKey, randomUUID()).id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });

  it('gives two clients two keys, and one client the same key twice', () => {
    const [a, again, b] = ['a', 'a', 'b'].map(id => deriveSessionKey(ringKey, id).key.export());
    expect(again).toEqual(a);
    expect(b).not.toEqual(a);
  });

  it('gives another key from another ring key', () => {
    const other = deriveSessionKey(createSecretKey(Buffer.alloc(32, 8)), 'a');
    expect(other.key.export()).not.toEqual(deriveSessionKey(ringKey, 'a').key.export());
  });
});
