import type { EventFeed } from '../../../lib/mesh/event-feed.js';
import { KnownRights } from '../../../lib/mesh/known-rights.js';

describe('KnownRights', () => {
  let calls: string[];
  let withdraw: () => void | Promise<void>;
  let rights: KnownRights;

  beforeEach(() => {
    calls = [];
    withdraw = () => undefined;
    rights = new KnownRights({
      grant: (user: string, right: string, since?: string) => {
        calls.push(`grant ${user} ${right} ${since}`);
        return 'cursor';
      },
      withdraw: (user: string, right?: string) => {
        calls.push(`withdraw ${user} ${right}`);
        return withdraw();
      },
    } as unknown as EventFeed);
  });

  /** Grants a right that was looked up just now. */
  const grant = (user = 'alice', right = 'a') => rights.grant(rights.begin(user, right), 'since');
  const pending = () => {
    let end: (error?: Error) => void = () => undefined;
    const work = new Promise<void>((resolve, reject) => {
      end = error => {
        if (error) reject(error);
        else resolve();
      };
    });
    return {
      work,
      end: (error?: Error) => {
        end(error);
      },
    };
  };

  it('grants a right at once if nothing withdraws it', () => {
    expect(grant()).toBe('cursor');
    expect(calls).toEqual(['grant alice a since']);
  });

  it('grants no right that was withdrawn during its look-up, and every other one', () => {
    const [same, otherRight, otherUser, ended] = [
      rights.begin('alice', 'a'),
      rights.begin('alice', 'b'),
      rights.begin('bob', 'a'),
      rights.begin('alice', 'a'),
    ];
    rights.end(ended);
    rights.withdraw('alice', 'a');
    expect([same, otherRight, otherUser, ended].map(({ isOutdated }) => isOutdated)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(rights.grant(same)).toBeUndefined();
    expect(rights.grant(otherRight)).toBe('cursor');
    expect(grant()).toBe('cursor');
  });

  it('outdates all look-ups of a user, of a right, or all of them', () => {
    const begin = () =>
      [
        ['alice', 'a'],
        ['alice', 'b'],
        ['bob', 'a'],
      ].map(([user, right]) => rights.begin(user!, right!));
    const outdated = (act: () => unknown) => {
      const lookUps = begin();
      void act();
      for (const lookUp of lookUps) rights.end(lookUp);
      return lookUps.map(({ isOutdated }) => isOutdated);
    };
    expect(outdated(() => rights.withdrawAll('alice'))).toEqual([true, true, false]);
    expect(calls).toEqual(['withdraw alice undefined']);
    expect(
      outdated(() => {
        rights.outdate(undefined, 'a');
      }),
    ).toEqual([true, false, true]);
    expect(
      outdated(() => {
        rights.outdate();
      }),
    ).toEqual([true, true, true]);
    expect(
      outdated(() => {
        rights.outdate('nobody');
      }),
    ).toEqual([false, false, false]);
  });

  it('waits for a withdrawal in progress before it grants the same right, and no other', async () => {
    const { work, end } = pending();
    withdraw = () => work;
    rights.withdraw('alice', 'a');
    expect(grant('alice', 'b')).toBe('cursor');
    const granted = grant();
    expect(calls).toEqual(['withdraw alice a', 'grant alice b since']);
    end();
    expect(await granted).toBe('cursor');
    expect(grant()).toBe('cursor');
  });

  it('does not grant a right that is withdrawn while the grant waits', async () => {
    const { work, end } = pending();
    withdraw = () => work;
    rights.withdraw('alice', 'a');
    const lookUp = rights.begin('alice', 'a');
    const granted = rights.grant(lookUp);
    rights.withdraw('alice', 'a');
    end();
    expect(await granted).toBeUndefined();
  });

  it('waits for the last of two withdrawals', async () => {
    const [first, second] = [pending(), pending()];
    withdraw = () => first.work;
    rights.withdraw('alice', 'a');
    withdraw = () => second.work;
    rights.withdraw('alice', 'a');
    first.end();
    await new Promise(setImmediate);
    let isGranted = false;
    const granted = Promise.resolve(grant()).then(() => (isGranted = true));
    await new Promise(setImmediate);
    expect(isGranted).toBe(false);
    second.end();
    await granted;
  });

  it.each<[string, () => void | Promise<void>]>([
    [
      'at once',
      () => {
        throw new Error('down');
      },
    ],
    ['later', () => Promise.reject(new Error('down'))],
  ])('repeats a withdrawal that failed %s before it grants the right again', async (_, fail) => {
    withdraw = fail;
    expect(() => {
      rights.withdraw('alice', 'a');
    }).not.toThrow();
    await new Promise(setImmediate);
    calls = [];
    await expect(async () => grant()).rejects.toThrow('down');
    withdraw = () => undefined;
    expect(await grant()).toBe('cursor');
    expect(await grant()).toBe('cursor');
    const granted = 'grant alice a since';
    expect(calls).toEqual(['withdraw alice a', 'withdraw alice a', granted, granted]);
  });

  it('remembers 10,000 failed withdrawals, the latest ones', () => {
    withdraw = () => {
      throw new Error('down');
    };
    for (let at = 0; at <= 10_000; at++) rights.withdraw('alice', `r${at}`);
    withdraw = () => undefined;
    calls = [];
    for (const right of ['r0', 'r1', 'r10000']) void grant('alice', right);
    expect(calls).toEqual([
      'grant alice r0 since',
      'withdraw alice r1',
      'grant alice r1 since',
      'withdraw alice r10000',
      'grant alice r10000 since',
    ]);
  });
});
