import { hkdfSync } from 'node:crypto';
import { inspect } from 'node:util';
import { fingerprintOf, generateSecret, KeyRing } from '../../../lib/signing/key-ring.js';

const SECRET = 'a secret of more than 32 bytes: é';
const bytesOf = (ring: KeyRing, id: string) => ring.find(id, 0)?.key.export();

describe('KeyRing', () => {
  it('uses a string secret as UTF-8 bytes, and byte secrets unchanged', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
    const ring = new KeyRing([
      { id: 'text', secret: SECRET },
      { id: 'bytes', secret: bytes },
    ]);
    expect(bytesOf(ring, 'text')).toEqual(Buffer.from(SECRET, 'utf8'));
    expect(bytesOf(ring, 'bytes')).toEqual(Buffer.from(bytes));
  });

  it('does not change with the given bytes', () => {
    const bytes = new Uint8Array(32).fill(1);
    const ring = new KeyRing([{ id: 'k', secret: bytes }]);
    bytes.fill(2);
    expect(bytesOf(ring, 'k')).toEqual(Buffer.alloc(32, 1));
  });

  it.each([
    [999, false],
    [1000, true],
    [2000, true],
    [2001, false],
  ])('at %i has a key in force from 1000 through 2000: %s', (now, held) => {
    const ring = new KeyRing([
      { id: 'k', secret: SECRET, notBefore: new Date(1000), notAfter: new Date(2000) },
    ]);
    expect(ring.find('k', now) !== undefined).toBe(held);
    expect(ring.current(now) !== undefined).toBe(held);
  });

  it('signs with the first key in force, in configuration order', () => {
    const ring = new KeyRing([
      { id: 'next', secret: SECRET, notBefore: new Date(1000) },
      { id: 'now', secret: SECRET },
      { id: 'old', secret: SECRET },
    ]);
    expect(ring.current(999)?.id).toBe('now');
    expect(ring.current(1000)?.id).toBe('next');
  });

  it.each(['', 'K', 'k ', '__proto__', 'constructor', 'toString'])('finds no key %j', id => {
    expect(new KeyRing([{ id: 'k', secret: SECRET }]).find(id, 0)).toBeUndefined();
  });

  it('does not show a secret when logged', () => {
    const ring = new KeyRing([{ id: 'k', secret: SECRET }]);
    const shown =
      inspect(ring, { depth: 10, showHidden: true }) + JSON.stringify(ring.find('k', 0));
    expect(shown).not.toContain('secret of more');
    expect(shown).not.toContain(Buffer.from(SECRET).toString('hex').slice(0, 16));
  });
});

describe('the fingerprint of a key', () => {
  const keyOf = (secret: string) => new KeyRing([{ id: 'k', secret }]).list()[0]!.key;

  it('stays the same in every version and process, because it names the nonces of the key', () => {
    const derived = hkdfSync('sha256', SECRET, '', 'semantic-events/v1/fingerprint', 32);
    const fingerprint = Buffer.from(derived).toString('base64url').slice(0, 22);
    const key = keyOf(SECRET);
    expect([fingerprintOf(key), fingerprintOf(key), fingerprintOf(keyOf(SECRET))]).toEqual([
      fingerprint,
      fingerprint,
      fingerprint,
    ]);
    expect(fingerprintOf(keyOf(`${SECRET}!`))).not.toBe(fingerprint);
  });
});

describe('generateSecret', () => {
  it('returns 64 hexadecimal digits, different each time', () => {
    const secrets = Array.from({ length: 50 }, generateSecret);
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(secrets).size).toBe(50);
  });
});
