import { KeyShares } from '../../lib/key-shares.js';

describe('KeyShares', () => {
  it('limits one owner to an eighth of what stays free', () => {
    const shares = new KeyShares();
    let held = 0;
    while (shares.claim('mallory', 900 - held)) held++;
    expect(held).toBe(100);
  });

  it('grants an owner its first key while there is room, and none without', () => {
    const shares = new KeyShares();
    expect(shares.claim('first', 1)).toBe(true);
    expect(shares.claim('first', 1)).toBe(false);
    expect(shares.claim('second', 0)).toBe(false);
    expect(shares.size).toBe(1);
  });

  it('returns what an owner releases, and drops an owner without keys', () => {
    const shares = new KeyShares();
    shares.claim('ann', 8);
    expect(shares.claim('ann', 8)).toBe(false);
    shares.release('ann');
    expect(shares.size).toBe(0);
    expect(shares.claim('ann', 16)).toBe(true);
    expect(shares.claim('ann', 16)).toBe(true);
    expect(shares.claim('ann', 16)).toBe(false);
    shares.release('ann');
    expect(shares.size).toBe(1);
    shares.release('nobody');
    expect(shares.claim('ann', 16)).toBe(true);
  });
});
