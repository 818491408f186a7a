import { AddressMask, sourceOf } from '../../../lib/monitoring/address-mask.js';

describe('AddressMask', () => {
  it.each([
    ['full', '203.0.113.7', '203.0.113.7'],
    ['full', '2001:db8:1:2::7', '2001:db8:1:2::7'],
    ['truncated', '203.0.113.7', '203.0.113.0/24'],
    ['truncated', '::ffff:203.0.113.7', '203.0.113.0/24'],
    ['truncated', '2001:db8:1:2::7', '2001:db8:1::/48'],
    ['none', '203.0.113.7', undefined],
  ] as const)('%s maps %s to %s', (form, address, masked) => {
    expect(new AddressMask(form).apply(address)).toBe(masked);
  });

  it.each(['full', 'truncated'] as const)('%s never returns any other text', form => {
    expect(new AddressMask(form).apply('a\nb')).toBe('unknown');
  });

  it('hashed returns the same value for one address and for one IPv6 /64, and does not reveal it', () => {
    const mask = new AddressMask('hashed');
    const masked = mask.apply('203.0.113.7')!;
    expect(masked).toMatch(/^#[A-Za-z0-9_-]{16}$/);
    expect(mask.apply('203.0.113.7')).toBe(masked);
    expect(mask.apply('203.0.113.8')).not.toBe(masked);
    expect(mask.apply('2001:db8::1')).toBe(mask.apply('2001:db8::2'));
    expect(mask.apply('2001:db8:0:1::1')).not.toBe(mask.apply('2001:db8::1'));
  });

  it('hashed returns another value in another process', () => {
    const [one, other] = [new AddressMask('hashed'), new AddressMask('hashed')];
    expect(one.apply('203.0.113.7')).not.toBe(other.apply('203.0.113.7'));
  });

  it('sourceOf maps an IPv6 address to its /64', () => {
    expect(sourceOf('2001:db8::1')).toBe(sourceOf('2001:db8::2'));
    expect(sourceOf('203.0.113.7')).toBe('203.0.113.7');
    expect(sourceOf('203.0.113.0/24')).toBe('203.0.113.0/24');
  });
});
