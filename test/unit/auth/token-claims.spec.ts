import { userOf } from '../../../lib/auth/token-claims.js';

const claims = { sub: 'alice', exp: 100 };

describe('the user of verified claims', () => {
  it('has the id, the roles that are text, the end and the session of the token', () => {
    expect(userOf({ ...claims, roles: ['a', 7, 'b'], sid: 's', jti: 't' }, {})).toEqual({
      id: 'alice',
      roles: ['a', 'b'],
      expiresAt: 100_000,
      sessionId: 's',
    });
    expect(userOf({ ...claims, roles: 'admin' }, {})).toMatchObject({ roles: [] });
  });

  it('is a user until the tolerated difference between clocks has passed', () => {
    expect(userOf(claims, { clockTolerance: 5_000 })).toMatchObject({ expiresAt: 105_000 });
  });

  it.each<[object, string | undefined]>([
    [{ sid: 's', jti: 't' }, 's'],
    [{ sid: 7 }, '7'],
    [{ jti: 't' }, 't'],
    [{ jti: '' }, undefined],
    [{ jti: 7 }, undefined],
    [{}, undefined],
  ])('has the session of the claims %j: %s', (more, sessionId) => {
    expect(userOf({ ...claims, ...more }, {})).toMatchObject({ sessionId });
    expect(
      userOf({ ...claims, ...more }, { toUser: ({ sub }) => ({ id: sub, sessionId: undefined }) }),
    ).toMatchObject({ sessionId });
  });

  it.each<[unknown, number | undefined]>([
    [1_700_000_000, 1_700_000_000_000],
    [0.5, 500],
    [-1, -1_000],
    ['1700000000', undefined],
    [1e308, undefined],
    [null, undefined],
    [undefined, undefined],
  ])('has the issue time of iat %j: %j ms, unless toUser states another', (iat, issuedAt) => {
    expect(userOf({ ...claims, iat }, {})).toEqual(expect.objectContaining({ issuedAt }));
    const stated = (own?: number) =>
      userOf({ ...claims, iat }, { toUser: ({ sub }) => ({ id: sub, issuedAt: own }) });
    expect(stated()).toEqual(expect.objectContaining({ issuedAt }));
    expect(stated(7)).toMatchObject({ issuedAt: 7 });
  });

  it.each<[object, string]>([
    [{ sub: undefined }, 'no sub claim'],
    [{ sub: null }, 'no sub claim'],
    [{ sub: '' }, 'no sub claim'],
    [{ sub: true }, 'sub is a boolean and must be a string'],
    [{ sub: 2 ** 53 }, 'sub is a number and must be a string'],
    [{ sub: ['a'] }, 'sub is a list and must be a string'],
    [{ sub: { length: 1 } }, 'sub is a object and must be a string'],
    [{ exp: undefined }, 'no exp claim'],
    [{ exp: '100' }, 'exp is not a number'],
  ])('does not exist for the claims %j', (more, reason) => {
    expect(() => userOf({ ...claims, ...more }, {})).toThrow(
      expect.objectContaining({ code: 'AUTH_FAILED', reason }) as Error,
    );
  });
});
