import { AddressMask, sourceOf } from '../../../lib/monitoring/address-mask.js';

describe('an address as it is told', () => {
  it.each([
    ['full', '203.0.113.7', '203.0.113.7'],
    ['full', '2001:db8:1:2::7', '2001:db8:1:2::7'],
    ['truncated', '203.0.113.7', '203.0.113.0/24'],
    ['truncated', '::ffff:203.0.113.7', '203.0.113.0/24'],
    ['truncated', '2001:db8:1:2::7', '2001:db8:1::/48'],
    ['none', '203.0.113.7', undefined],
  ] as const)('is, when %s, of %s: %s', (form, address, told) => {
    expect(new AddressMask(form).apply(address)).toBe(told);
  });

  it.each(['full', 'truncated'] as const)('is, when %s, never any other text', form => {
    expect(new AddressMask(form).apply('a\nb')).toBe('unknown');
  });

  it('is, when hashed, the same for one address and for one IPv6 /64, and tells nothing of it', () => {
    const mask = new AddressMask('hashed');
    const told = mask.apply('203.0.113.7')!;
    expect(told).toMatch(/^#[A-Za-z0-9_-]{16}$/);
    expect(mask.apply('203.0.113.7')).toBe(told);
    expect(mask.apply('203.0.113.8')).not.toBe(told);
    expect(mask.apply('2001:db8::1')).toBe(mask.apply('2001:db8::2'));
    expect(mask.apply('2001:db8:0:1::1')).not.toBe(mask.apply('2001:db8::1'));
  });

  it('is, when hashed, another one in another process', () => {
    const [one, other] = [new AddressMask('hashed'), new AddressMask('hashed')];
    expect(one.apply('203.0.113.7')).not.toBe(other.apply('203.0.113.7'));
  });

  it('counts with its /64 where it is IPv6', () => {
    expect(sourceOf('2001:db8::1')).toBe(sourceOf('2001:db8::2'));
    expect(sourceOf('203.0.113.7')).toBe('203.0.113.7');
    expect(sourceOf('203.0.113.0/24')).toBe('203.0.113.0/24');
  });
});
