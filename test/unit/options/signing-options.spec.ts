import { resolveOptions, type SemanticEventsOptions } from '../../../lib/options/index.js';
import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const secret = 's'.repeat(32);
const key = (more: object = {}) => ({ id: 'k1', secret, ...more });
const date = (offset: number) => new Date(NOW + offset);

function problemsOf(signing: unknown): readonly string[] {
  const options = { signing, auth: { validateToken: () => null } };
  try {
    resolveOptions(options as SemanticEventsOptions, NOW);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    return (error as SemanticEventsConfigError).problems;
  }
}
const keyProblems = (more: object) => problemsOf({ keys: [key(more)] });

describe('signing.keys', () => {
  it('reject an empty list: at least one key is required', () => {
    expect(problemsOf({ keys: [] })).toEqual(['signing.keys must name at least one key']);
  });

  it.each<[unknown, string]>([
    [undefined, ', not undefined'],
    ['[{"id":"k1"}]', ', not a string'],
    [null, ''],
    [{}, ''],
    [1, ''],
  ])('reject %j, which is not a list', (keys, type) => {
    expect(problemsOf({ keys })).toEqual([
      `signing.keys must be a list of keys, or a function that returns it${type}`,
    ]);
  });

  it.each([undefined, null, 'secret', 1, []])('reject %j, which is not an object', wrong => {
    expect(problemsOf({ keys: [key(), wrong] })).toEqual(['signing.keys[1] must be an object']);
  });

  it('reject an unknown option of a key', () => {
    expect(keyProblems({ notbefore: date(0) })).toEqual([
      'signing.keys[0].notbefore is not an option',
    ]);
  });

  it.each(['a', 'A-z_9', 'x'.repeat(64), 's', 'S-1', 'as-1'])('accept the id %j', id => {
    expect(keyProblems({ id })).toEqual([]);
  });

  it.each([undefined, null, '', 1, 'a.b', 'a b', 'a\n', 'é', 'x'.repeat(65)])(
    'reject the id %j',
    id => {
      expect(keyProblems({ id })).toEqual([
        'signing.keys[0].id must be 1 to 64 of A-Z a-z 0-9 _ -',
      ]);
    },
  );

  it.each(['s-', 's-1'])('reject the id %j, which names a session key', id => {
    expect(keyProblems({ id })).toEqual([
      'signing.keys[0].id may not start with "s-", which names session keys',
    ]);
  });

  it.each([secret, 'é'.repeat(16), new Uint8Array(32), Buffer.alloc(33)])(
    'accept a secret of 32 bytes: %p',
    value => {
      expect(keyProblems({ secret: value })).toEqual([]);
    },
  );

  it.each(['s'.repeat(31), 'é'.repeat(15), new Uint8Array(31)])(
    'reject a secret under 32 bytes: %p',
    value => {
      expect(keyProblems({ secret: value })).toEqual([
        'signing.keys[0].secret must have at least 32 bytes',
      ]);
    },
  );

  it.each([
    ['undefined', undefined],
    ['empty', ''],
  ])('say that a secret is %s, as without an .env file, and what to do', (missing, value) => {
    expect(keyProblems({ secret: value })).toEqual([
      `signing.keys[0].secret is ${missing}: set it, or load the .env file that contains it`,
    ]);
  });

  it.each([null, 1e40, {}, Array(32).fill('s'), new ArrayBuffer(32)])(
    'reject a secret that is neither text nor bytes: %p',
    value => {
      expect(keyProblems({ secret: value })).toEqual([
        'signing.keys[0].secret must be a string or bytes',
      ]);
    },
  );

  it('are never quoted in an error', () => {
    const problems = problemsOf({ keys: [key({ secret: 'hunter2' }), { id: 'hunter2!', secret }] });

    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('hunter2');
  });

  it.each(['notBefore', 'notAfter'])('reject a %s that is not a valid Date', name => {
    for (const wrong of [null, '2026-11-23', NOW, new Date(NaN), {}])
      expect(keyProblems({ [name]: wrong })).toEqual([
        `signing.keys[0].${name} must be a valid Date`,
      ]);
  });

  it.each([0, -1])('reject a key that ends %d ms after it begins', length => {
    expect(keyProblems({ notBefore: date(0), notAfter: date(length) })).toEqual([
      'signing.keys[0].notAfter must be later than notBefore',
    ]);
  });

  it.each([
    ['always', {}, true],
    ['from now on', { notBefore: date(0) }, true],
    ['until now', { notAfter: date(0) }, true],
    ['around now', { notBefore: date(-1), notAfter: date(1) }, true],
    ['from a millisecond ahead', { notBefore: date(1) }, false],
    ['until a millisecond ago', { notAfter: date(-1) }, false],
  ])('need a key in force, and one %s counts as: %j', (_title, more, enough) => {
    const inForce = enough ? [] : ['signing.keys has no key that is in force now'];

    expect(keyProblems(more)).toEqual(inForce);
  });

  it('may include past and future keys beside one in force', () => {
    const others = [
      key({ id: 'a', secret: 'a'.repeat(32), notAfter: date(-1) }),
      key({ id: 'b', secret: 'b'.repeat(32), notBefore: date(1) }),
    ];
    const none = ['signing.keys has no key that is in force now'];

    expect(problemsOf({ keys: [...others, key()] })).toEqual([]);
    expect(problemsOf({ keys: others })).toEqual(none);
  });

  it('reject repeated ids, and name each once', () => {
    const keys = ['a', 'b', 'a', 'A', 'a', 'b'].map((id, index) =>
      key({ id, secret: `${index}`.repeat(32) }),
    );

    expect(problemsOf({ keys })).toEqual([
      'signing.keys names the id "a" more than once',
      'signing.keys names the id "b" more than once',
    ]);
  });

  it.each([
    ['texts', secret],
    ['a string and its bytes', Buffer.from(secret)],
  ])(
    'reject keys with the same secret, which would allow a replay under another id: %s',
    (_title, same) => {
      expect(problemsOf({ keys: [key(), key({ id: 'k2', secret: same })] })).toEqual([
        'signing.keys has one secret for several keys',
      ]);
    },
  );

  it('report every problem of every key', () => {
    const keys = [{ id: '', secret: '' }, key(), key({ id: 's-1', notAfter: 1 })];

    expect(problemsOf({ keys }).map(problem => problem.split(' ')[0])).toEqual([
      'signing.keys[0].id',
      'signing.keys[0].secret',
      'signing.keys[2].id',
      'signing.keys[2].notAfter',
    ]);
  });
});

describe('signing.source', () => {
  it.each(['', null, 1, {}])('rejects %j, which is not a non-empty string', source => {
    expect(problemsOf({ keys: [key()], source })).toEqual([
      'signing.source must be a non-empty string',
    ]);
  });
});

describe('signing.accept', () => {
  it.each([undefined, ['v1'], ['v1', 'integradio'], ['integradio', 'v1']])('accepts %j', accept => {
    expect(problemsOf({ keys: [key()], accept })).toEqual([]);
  });

  it.each([null, 'v1', [], ['integradio'], ['v1', 'v1'], ['v1', 'v2'], ['v1', undefined], {}])(
    'rejects %j, which lacks v1 or repeats or adds a version',
    accept => {
      expect(problemsOf({ keys: [key()], accept })).toEqual([
        "signing.accept must be ['v1'] or ['v1', 'integradio']",
      ]);
    },
  );

  it('defaults to v1', () => {
    const { signing } = resolveOptions(
      { signing: { keys: [key()] }, auth: { validateToken: () => null } },
      NOW,
    );
    expect(signing.accept).toEqual(['v1']);
  });
});
