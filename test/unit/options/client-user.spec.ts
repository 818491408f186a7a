import { isId, isUserId } from '../../../lib/options/index.js';

describe('isId', () => {
  it.each<[id: unknown, isValid: boolean]>([
    ['a', true],
    ['😀', true],
    ['x'.repeat(256), true],
    ['x'.repeat(257), false],
    ['', false],
    ['\udc00', false],
    [undefined, false],
    [7, false],
    [['a'], false],
  ])('of %j is %s', (id, isValid) => {
    expect(isId(id)).toBe(isValid);
  });
});

describe('isUserId', () => {
  it.each<[id: unknown, isValid: boolean]>([
    ['a', true],
    ['', false],
    [7, true],
    [-1, true],
    [1.5, false],
    [NaN, false],
    [2 ** 53, false],
    [null, false],
    [{ toString: () => 'a' }, false],
  ])('of %j is %s', (id, isValid) => {
    expect(isUserId(id)).toBe(isValid);
  });
});
