import { RecentDisconnects } from '../../../lib/connection/recent-disconnects.js';

describe('RecentDisconnects', () => {
  const alice = { id: 'alice', sessionId: 'one' };

  it('affects authentications that began before, and none that begin after', () => {
    const recent = new RecentDisconnects();
    const before = recent.latest;
    recent.note('user', 'alice', 'REVOKED');
    expect(recent.codeSince(before, alice)).toBe('REVOKED');
    expect(recent.codeSince(recent.latest, alice)).toBeUndefined();
  });

  it('applies to one user or one session, whatever their ids', () => {
    const recent = new RecentDisconnects();
    recent.note('user', 'one', 'REVOKED');
    recent.note('session', 'alice', 'REVOKED');
    recent.note('session', 'undefined', 'REVOKED');
    expect(recent.codeSince(0, alice)).toBeUndefined();
    expect(recent.codeSince(0, { id: 'alice' })).toBeUndefined();
    recent.note('session', 'one', 'FORBIDDEN');
    expect(recent.codeSince(0, alice)).toBe('FORBIDDEN');
    recent.note('user', '7', 'REVOKED');
    expect(recent.codeSince(0, { id: 7 })).toBe('REVOKED');
  });

  it('uses the code of the latest disconnect', () => {
    const recent = new RecentDisconnects();
    recent.note('user', 'alice', 'REVOKED');
    const between = recent.latest;
    recent.note('user', 'alice', 'FORBIDDEN');
    expect(recent.codeSince(between, alice)).toBe('FORBIDDEN');
  });

  it('returns UNAVAILABLE for users that may be among the dropped entries', () => {
    const recent = new RecentDisconnects(2);
    const before = recent.latest;
    for (const user of ['alice', 'bob', 'carol']) recent.note('user', user, 'REVOKED');
    expect(recent.codeSince(before, alice)).toBe('UNAVAILABLE');
    expect(recent.codeSince(before, { id: 'carol' })).toBe('REVOKED');
    expect(recent.codeSince(before, { id: 'dave' })).toBe('UNAVAILABLE');
    // This authentication began after the dropped entry.
    expect(recent.codeSince(before + 1, { id: 'dave' })).toBeUndefined();
  });

  it('drops the least recently disconnected user first', () => {
    const recent = new RecentDisconnects(2);
    for (const user of ['alice', 'bob', 'alice', 'carol']) recent.note('user', user, 'REVOKED');
    expect(recent.codeSince(2, alice)).toBe('REVOKED');
    expect(recent.codeSince(2, { id: 'bob' })).toBeUndefined();
    expect(recent.codeSince(1, { id: 'bob' })).toBe('UNAVAILABLE');
  });
});
