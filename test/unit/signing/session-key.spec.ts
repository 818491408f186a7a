import { createSecretKey, hkdfSync, randomUUID } from 'node:crypto';
import { deriveSessionKey } from '../../../lib/signing/session-key.js';

const RING_SECRET = Buffer.alloc(32, 7);
const ringKey = createSecretKey(RING_SECRET);

describe('deriveSessionKey', () => {
  it('is HKDF-SHA256 of the ring key, salted with the client id, as in PROTOCOL.md', () => {
    const clientId = randomUUID();
    const expected = hkdfSync('sha256', RING_SECRET, clientId, 'semantic-events/v1/session', 32);
    const { key } = deriveSessionKey(ringKey, clientId);
    expect(key.export().toString('hex')).toBe(Buffer.from(expected).toString('hex'));
  });

  it('names the key after the client, with the prefix that ring keys must not have', () => {
    expect(deriveSessionKey(ringKey, 'client').id).toBe('s-client');
  });

  it('returns an id that fits a signature for a client id of the server', () => {
    expect(deriveSessionKey(ringKey, randomUUID()).id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });

  it('returns a different key per client, and always the same for one client', () => {
    const [a, again, b] = ['a', 'a', 'b'].map(id => deriveSessionKey(ringKey, id).key.export());
    expect(again).toEqual(a);
    expect(b).not.toEqual(a);
  });

  it('returns another key for another ring key', () => {
    const other = deriveSessionKey(createSecretKey(Buffer.alloc(32, 8)), 'a');
    expect(other.key.export()).not.toEqual(deriveSessionKey(ringKey, 'a').key.export());
  });
});
