import { DEFAULT_EVENT_LIMITS, type EventLimits, validateEvent } from '../../../lib/event/index.js';

const event = (attributes: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: '1.0',
  type: 'ui.click',
  source: '/app',
  id: 'e-1',
  ...attributes,
});
const extensions = (count: number): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`extension${index}`, index]));

const accepts = (value: unknown, limits?: Partial<EventLimits>): boolean => {
  try {
    validateEvent(value, { ...DEFAULT_EVENT_LIMITS, ...limits });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'RefusalError', code: 'INVALID_EVENT' });
    return false;
  }
};

describe('extension attributes', () => {
  it.each(['a', 'traceparent', '0', 'a'.repeat(64)])('may be named %j', name => {
    expect(accepts(event({ [name]: 'x' }))).toBe(true);
  });

  it.each([
    '',
    'Upper',
    'snake_case',
    'da-sh',
    'dot.ted',
    'spa ce',
    'é',
    'new\n',
    'a'.repeat(65),
    '$ref',
  ])('must not be named %j', name => {
    expect(accepts(event({ [name]: 'x' }))).toBe(false);
  });

  it.each(['constructor', 'prototype', 'valueof'])(
    'named %j are like any other attribute',
    name => {
      expect(accepts(event({ [name]: 'x' }))).toBe(true);
    },
  );

  it.each(['__proto__', 'toString', 'hasOwnProperty', '__defineGetter__'])(
    'named %j, like an object member, are rejected',
    name => {
      const value: unknown = JSON.parse(
        JSON.stringify(event()).replace('{', `{"${name}":{"type":"x"},`),
      );

      expect(accepts(value)).toBe(false);
      expect(Object.getPrototypeOf({})).toBe(Object.prototype);
      expect({}).not.toHaveProperty('type');
    },
  );

  it.each(['', 'text', true, false, 0, 1, -1, 2_147_483_647, -2_147_483_648, null, undefined])(
    'may be %j',
    value => {
      expect(accepts(event({ extension: value }))).toBe(true);
    },
  );

  it.each([1.5, 2_147_483_648, -2_147_483_649, 1e21, NaN, Infinity, [], ['a'], {}, { a: 1 }])(
    'must not be %p, which is not a string, boolean or 32-bit integer',
    value => {
      expect(accepts(event({ extension: value }))).toBe(false);
    },
  );

  it('must not be a number that overflows a double', () => {
    expect(
      accepts(JSON.parse(JSON.stringify(event({ extension: 0 })).replace(':0', ':1e400'))),
    ).toBe(false);
  });

  it('may have 2048 characters and not one more', () => {
    expect(accepts(event({ extension: 'x'.repeat(2048) }))).toBe(true);
    expect(accepts(event({ extension: 'x'.repeat(2049) }))).toBe(false);
  });

  it('limit a nonce like any other text', () => {
    const accepts16 = (semanticnonce: string) =>
      accepts(event({ semanticnonce }), { maxAttributeLength: 16 });
    expect(accepts16('x'.repeat(16))).toBe(true);
    expect(accepts16('x'.repeat(17))).toBe(false);
  });

  it.each(['semanticintent', 'semantictags', 'semanticcorrelationid'])(
    'must be text or unset: %s',
    name => {
      for (const value of ['', 'text', null, undefined])
        expect(accepts(event({ [name]: value }))).toBe(true);
      for (const value of [0, 1, true, false, [], ['a'], {}])
        expect(accepts(event({ [name]: value }))).toBe(false);
    },
  );

  it('are at most 32, including those of this library', () => {
    expect(accepts(event(extensions(32)))).toBe(true);
    expect(accepts(event(extensions(33)))).toBe(false);
    expect(accepts(event({ ...extensions(32), semantictags: 'a' }))).toBe(false);
    expect(accepts(event({ ...extensions(32), unset: null }))).toBe(false);
  });

  it('do not include the attributes that CloudEvents defines', () => {
    const defined = {
      time: '2026-11-23T10:00:00Z',
      subject: 's',
      datacontenttype: 'a/d',
      dataschema: 'urn:u',
    };

    expect(accepts(event({ ...extensions(32), ...defined, data: 1 }))).toBe(true);
    expect(accepts(event({ ...extensions(32), ...defined, data_base64: 'AA==' }))).toBe(true);
  });

  it.each([undefined, null, 0, '', [], {}, '\n', 'x'.repeat(4096)])(
    'do not include semanticsignature, which the signer validates: %j',
    semanticsignature => {
      expect(accepts(event({ semanticsignature }))).toBe(true);
    },
  );
});

describe('event limits', () => {
  it.each<[keyof EventLimits, Record<string, unknown>, Record<string, unknown>]>([
    ['maxNameLength', { type: 'xxxx', id: 'xxxx' }, { type: 'xxxxx' }],
    ['maxNameLength', { id: 'xxxx' }, { id: 'xxxxx' }],
    ['maxAttributeLength', { source: 'xxxx' }, { source: 'xxxxx' }],
    ['maxAttributeLength', { subject: 'xxxx' }, { subject: 'xxxxx' }],
    ['maxAttributeLength', { extension: 'xxxx' }, { extension: 'xxxxx' }],
    ['maxExtensions', extensions(4), extensions(5)],
    ['maxDepth', { data: [[[[1]]]] }, { data: [[[[[]]]]] }],
  ])('limit an event with %s set to 4', (limit, within, beyond) => {
    const base = { type: 'a.b', source: '/', id: '1' };

    expect(accepts(event({ ...base, ...within }), { [limit]: 4 })).toBe(true);
    expect(accepts(event({ ...base, ...beyond }), { [limit]: 4 })).toBe(false);
  });
});
