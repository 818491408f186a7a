import { Grants } from '../../../lib/mesh/grants.js';

describe('Grants', () => {
  it('remembers the first grant of a right until it is withdrawn', () => {
    const grants = new Grants();
    expect(grants.grant('alice', 'a', '1')).toBe('1');
    expect(grants.grant('alice', 'a', '2')).toBe('1');
    expect(grants.grant('alice', 'b', '3')).toBe('3');
    expect(grants.grant('bob', 'a', '4')).toBe('4');
    grants.withdraw('alice', 'a');
    grants.withdraw('nobody', 'a');
    expect(grants.grant('alice', 'a', '5')).toBe('5');
    expect(grants.grant('alice', 'b', '6')).toBe('3');
    grants.withdraw('alice');
    expect(grants.grant('alice', 'b', '7')).toBe('7');
    expect(grants.grant('bob', 'a', '8')).toBe('4');
  });

  it('forgets the right that was granted least recently when a user has more than 128', () => {
    const grants = new Grants();
    for (let at = 0; at < 128; at++) grants.grant('alice', `p${at}`, 'old');
    grants.grant('alice', 'p0', 'new');
    grants.grant('alice', 'p128', 'old');
    expect(grants.grant('alice', 'p0', 'new')).toBe('old');
    expect(grants.grant('alice', 'p2', 'new')).toBe('old');
    expect(grants.grant('alice', 'p1', 'new')).toBe('new');
  });

  it('forgets the user whose right was granted least recently when there are more than 10,000', () => {
    const grants = new Grants();
    for (let at = 0; at < 10_000; at++) grants.grant(`u${at}`, 'p', 'old');
    grants.grant('u0', 'p', 'new');
    grants.grant('u10000', 'p', 'old');
    expect(grants.grant('u0', 'p', 'new')).toBe('old');
    expect(grants.grant('u2', 'p', 'new')).toBe('old');
    expect(grants.grant('u1', 'p', 'new')).toBe('new');
  });

  it('keeps no room for a user without rights', () => {
    const grants = new Grants();
    grants.grant('old', 'p', 'old');
    for (let at = 0; at < 9_999; at++) grants.grant(`u${at}`, 'p', 'old');
    for (let at = 0; at < 9_999; at++) grants.withdraw(`u${at}`, 'p');
    for (let at = 0; at < 9_999; at++) grants.grant(`v${at}`, 'p', 'old');
    expect(grants.grant('old', 'p', 'new')).toBe('old');
  });
});
