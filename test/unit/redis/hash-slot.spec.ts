import { hashSlot, spreadTags } from '../../../lib/redis/hash-slot.js';

describe('hashSlot', () => {
  it.each([
    // The check value of CRC-16/XMODEM in the Redis Cluster specification.
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['hello', 866],
    ['', 0],
  ])('returns the slot of %j that Redis Cluster defines', (text, slot) => {
    expect(hashSlot(text)).toBe(slot);
  });
});

describe('spreadTags', () => {
  it.each([1, 2, 3, 16, 64])('returns one tag for each of %i masters with equal ranges', count => {
    const parts = spreadTags(count).map(tag => Math.floor((hashSlot(tag) * count) / 16_384));
    expect(parts).toEqual([...Array(count).keys()]);
  });
});
