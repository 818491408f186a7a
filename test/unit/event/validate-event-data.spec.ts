import { DEFAULT_EVENT_LIMITS, validateEvent } from '../../../lib/event/index.js';

/** Parses the JSON text of an event. The members after the required ones are given as text. */
const parse = (members: string): unknown =>
  JSON.parse(`{"specversion":"1.0","type":"ui.click","source":"/app","id":"e-1",${members}}`);

const accepts = (members: string): boolean => {
  try {
    validateEvent(parse(members));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'RefusalError', code: 'INVALID_EVENT' });
    return false;
  }
};
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const nestedObjects = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);

describe('event data', () => {
  it.each([
    'null',
    'true',
    '0',
    '-1.5e-7',
    '1.7976931348623157e308',
    '12345678901234567890',
    '""',
    '"\\u0000\\n😀"',
    '[]',
    '{}',
    '{"":{"constructor":{"prototype":1},"toString":2}}',
  ])('accepts %s', data => {
    expect(accepts(`"data":${data}`)).toBe(true);
  });

  it.each(['-0', '-0.0', '-0e5', '-1e-400', '1e400', '-1e400'])(
    'rejects %s at any level, which other parsers read differently',
    number => {
      expect(accepts(`"data":${number}`)).toBe(false);
      expect(accepts(`"data":{"a":[${number}]}`)).toBe(false);
    },
  );

  it.each(['"\\ud800"', '"\\udc00"', '"a\\ud83d"', '"\\ude00\\ud83d"'])(
    'rejects the lone surrogate %s, as a value and as a name',
    text => {
      expect(accepts(`"data":${text}`)).toBe(false);
      expect(accepts(`"data":[{"a":${text}}]`)).toBe(false);
      expect(accepts(`"data":{${text}:1}`)).toBe(false);
    },
  );

  it.each(['{"__proto__":{"admin":true}}', '[{"a":{"__proto__":null}}]', '{"__proto__":1}'])(
    'rejects a __proto__ member: %s',
    data => {
      expect(accepts(`"data":${data}`)).toBe(false);
      expect({}).not.toHaveProperty('admin');
    },
  );

  it('may nest 32 levels of arrays or objects and not one more', () => {
    expect(accepts(`"data":${nested(32)}`)).toBe(true);
    expect(accepts(`"data":${nested(33)}`)).toBe(false);
    expect(accepts(`"data":${nestedObjects(32)}`)).toBe(true);
    expect(accepts(`"data":${nestedObjects(33)}`)).toBe(false);
  });

  it.each(['data', 'time', 'type', 'extension', 'semantictags', 'data_base64'])(
    'rejects 60 kB of brackets under %j without crashing',
    name => {
      expect(accepts(`"${name}":${nested(30_000)}`)).toBe(false);
    },
  );

  it('is validated to its last item', () => {
    expect(accepts(`"data":[${'0,'.repeat(5_000)}0]`)).toBe(true);
    expect(accepts(`"data":[${'0,'.repeat(5_000)}-0]`)).toBe(false);
  });
});

describe('binary event data', () => {
  it.each(['""', '"AA=="', '"AAA="', '"AAAA"', '"+/+/"', 'null'])('accepts %s', data => {
    expect(accepts(`"data_base64":${data}`)).toBe(true);
  });

  it.each([
    '"A"',
    '"AA"',
    '"AA="',
    '"A==="',
    '"===="',
    '"AA==AAAA"',
    '"A-_A"',
    '"AAAA\\n"',
    '"é==="',
    '1',
    '[]',
    '{}',
  ])('rejects %s, which is not standard base64', data => {
    expect(accepts(`"data_base64":${data}`)).toBe(false);
  });

  it('may fill a message of the default size', () => {
    expect(accepts(`"data_base64":"${'AAAA'.repeat(16_000)}"`)).toBe(true);
  });

  it.each(['1', '{}', 'null'])('cannot be combined with data, such as %s', data => {
    expect(accepts(`"data":${data},"data_base64":"AA=="`)).toBe(false);
  });

  it('that is null may be combined with data', () => {
    expect(accepts('"data":1,"data_base64":null')).toBe(true);
  });
});

describe('validateEvent', () => {
  it('does not change the event', () => {
    const event = parse('"data":{"a":[1,{"b":null}]},"subject":null,"extension":true');
    const before = JSON.stringify(event);
    validateEvent(event, DEFAULT_EVENT_LIMITS);

    expect(JSON.stringify(event)).toBe(before);
  });
});
