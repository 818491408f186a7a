import { mayShareHost } from '../../../lib/connection/client-address.js';

describe('mayShareHost', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7', true, true],
    ['203.0.113.7', '::ffff:203.0.113.7', true, true],
    ['203.0.113.7', '203.0.113.8', false, false],
    ['2001:db8:1:2::7', '2001:db8:1:2::8', true, true],
    ['2001:db8:1:2::7', '2001:db8:1:3::7', false, false],
    ['203.0.113.7', '2001:db8:1:2::7', true, false],
    ['2001:db8:1:2::7', '203.0.113.7', true, false],
    ['unknown', '203.0.113.7', false, false],
  ])(
    'for %s and %s returns %s, and %s if address families must match',
    (one, other, loose, strict) => {
      expect(mayShareHost(one, other, false)).toBe(loose);
      expect(mayShareHost(one, other, true)).toBe(strict);
    },
  );
});
