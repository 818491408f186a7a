import { createSecretKey } from 'node:crypto';
import { computeMac, isMacOf } from '../../../lib/signing/mac.js';

const keyOf = (bytes: Buffer | string) => createSecretKey(Buffer.from(bytes as string));
const base64url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');

describe('computeMac', () => {
  // RFC 4231, section 4: the cases whose data is text.
  it.each([
    [
      '4.2',
      Buffer.alloc(20, 0x0b),
      'Hi There',
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      '4.3',
      'Jefe',
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      '4.7',
      Buffer.alloc(131, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      '4.8',
      Buffer.alloc(131, 0xaa),
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ])('returns the MAC of RFC 4231, section %s', (_, key, text, hex) => {
    expect(computeMac(keyOf(key), text)).toBe(base64url(hex));
  });

  // RFC 4231, section 4.6, gives the first 128 bits only.
  it('starts with the truncated MAC of RFC 4231, section 4.6', () => {
    const mac = computeMac(keyOf(Buffer.alloc(20, 0x0c)), 'Test With Truncation');
    const hex = Buffer.from(mac, 'base64url').toString('hex');
    expect(hex.slice(0, 32)).toBe('a3b6167473100ee06e0c796c2955552b');
  });

  it('is the same for a text, its bytes, and its parts in order', () => {
    const key = keyOf('key');
    const bytes = Buffer.from('v1.c2s.{"a":"é"}');
    const parts = [bytes.subarray(0, 7), bytes.subarray(7, 13), bytes.subarray(13)];
    const mac = computeMac(key, bytes.toString());
    expect([bytes, parts, [bytes]].map(input => computeMac(key, input))).toEqual([mac, mac, mac]);
    expect(computeMac(key, parts.toReversed())).not.toBe(mac);
    expect(isMacOf(key, parts, mac)).toBe(true);
  });

  it('always returns 43 characters of base64url', () => {
    for (let i = 0; i < 200; i++)
      expect(computeMac(keyOf('key'), `${i}`)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('covers the UTF-8 bytes of a text', () => {
    expect(computeMac(keyOf('key'), 'é')).not.toBe(computeMac(keyOf('key'), '\u00c3\u00a9'));
    expect(computeMac(keyOf('key'), 'é')).not.toBe(computeMac(keyOf('key'), 'e\u0301'));
  });
});

describe('isMacOf', () => {
  const key = keyOf('key');
  const mac = computeMac(key, 'text');

  it('accepts the MAC of the text', () => {
    expect(isMacOf(key, 'text', mac)).toBe(true);
  });

  it('rejects another key and another text', () => {
    expect(isMacOf(keyOf('yek'), 'text', mac)).toBe(false);
    expect(isMacOf(key, 'texT', mac)).toBe(false);
  });

  it('rejects a MAC with any one character changed', () => {
    for (let i = 0; i < mac.length; i++) {
      const other = mac[i] === 'A' ? 'B' : 'A';
      expect(isMacOf(key, 'text', mac.slice(0, i) + other + mac.slice(i + 1))).toBe(false);
    }
  });

  it.each([
    ['nothing', ''],
    ['a prefix', mac.slice(0, -1)],
    ['a padded MAC', `${mac}=`],
    ['two concatenated MACs', mac + mac],
  ])('rejects %s without throwing', (_, given) => {
    expect(isMacOf(key, 'text', given)).toBe(false);
  });
});
