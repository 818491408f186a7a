import { MAX_CURSOR_LENGTH } from '../../../lib/mesh/cursor-seal.js';
import { readSubscription } from '../../../lib/mesh/subscription-request.js';
import type { SubscriptionMembers } from '../../../lib/protocol/index.js';

const read = (frame: object, maxPatterns = 3) =>
  readSubscription(frame as SubscriptionMembers, maxPatterns);
const refusal = (code: string, reason: string) =>
  expect.objectContaining({ code, reason }) as Error;

describe('a subscribe frame', () => {
  it.each<[object, string]>([
    [{}, 'patterns must be a list of patterns'],
    [{ patterns: 'a' }, 'patterns must be a list of patterns'],
    [{ patterns: [] }, 'patterns must be a list of patterns'],
    [{ patterns: ['a', 7] }, 'patterns contains an invalid pattern'],
    [{ patterns: ['a..b'] }, 'patterns contains an invalid pattern'],
    [{ patterns: ['a\nb'] }, 'patterns contains an invalid pattern'],
    [{ patterns: ['a'], since: 7 }, 'since must be a cursor'],
    [{ patterns: ['a'], since: 'x'.repeat(MAX_CURSOR_LENGTH + 1) }, 'since must be a cursor'],
    [{ patterns: ['a'], signatures: 'v2' }, "signatures must be 'v1' or 'v1e'"],
    [{ patterns: ['a'], signatures: null }, "signatures must be 'v1' or 'v1e'"],
    [{ patterns: ['a'], scope: 'mine' }, "scope must be 'all' or 'own'"],
    [{ patterns: ['a'], scope: null }, "scope must be 'all' or 'own'"],
  ])('is refused if it is %j', (frame, reason) => {
    expect(() => read(frame)).toThrow(refusal('BAD_FRAME', reason));
  });

  it('names at most mesh.maxPatterns patterns', () => {
    expect(read({ patterns: ['a', 'b', 'c'] }).patterns).toEqual(['a', 'b', 'c']);
    expect(() => read({ patterns: ['a', 'b', 'c', 'd'] })).toThrow(
      refusal('FORBIDDEN', 'more than mesh.maxPatterns (3)'),
    );
  });

  it('asks for all events with signatures as before, from now on, unless it says otherwise', () => {
    expect(read({ patterns: ['a'] })).toMatchObject({
      since: undefined,
      isBroadcast: undefined,
      isOwn: false,
      id: undefined,
    });
    const since = 'x'.repeat(MAX_CURSOR_LENGTH);
    expect(
      read({ patterns: ['a'], since, signatures: 'v1e', scope: 'own', id: '7' }),
    ).toMatchObject({
      since,
      isBroadcast: true,
      isOwn: true,
      id: '7',
    });
    expect(read({ patterns: ['a'], signatures: 'v1', scope: 'all', id: 7 })).toMatchObject({
      isBroadcast: false,
      isOwn: false,
      id: undefined,
    });
  });

  it('counts a repeated pattern once, and weighs more with every pattern and character', () => {
    expect(read({ patterns: ['a', 'b', 'a'] }).patterns).toEqual(['a', 'b']);
    const weight = (...patterns: string[]) => read({ patterns }).weight;
    expect(weight('a', 'a')).toBe(weight('a'));
    expect(weight('ab') - weight('a')).toBe(2);
    expect(weight('a', 'b') - weight('a')).toBe(34);
    expect(weight('a')).toBe(546);
  });
});
