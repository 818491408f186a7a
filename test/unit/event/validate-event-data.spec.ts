import { DEFAULT_EVENT_LIMITS, validateEvent } from '../../../lib/event/index.js';

/** Parses the JSON text of an event whose members after the required ones are given as text. */
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

describe('Event data', () => {
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
  ])('may be %s', data => {
    expect(accepts(`"data":${data}`)).toBe(true);
  });

  it.each(['-0', '-0.0', '-0e5', '-1e-400', '1e400', '-1e400'])(
    'holds no %s at any level, which reads differently elsewhere',
    number => {
      expect(accepts(`"data":${number}`)).toBe(false);
      expect(accepts(`"data":{"a":[${number}]}`)).toBe(false);
    },
  );

  it.each(['"\\ud800"', '"\\udc00"', '"a\\ud83d"', '"\\ude00\\ud83d"'])(
    'holds no lone surrogate %s, as value or as name',
    text => {
      expect(accepts(`"data":${text}`)).toBe(false);
      expect(accepts(`"data":[{"a":${text}}]`)).toBe(false);
      expect(accepts(`"data":{${text}:1}`)).toBe(false);
    },
  );

  it.each(['{"__proto__":{"admin":true}}', '[{"a":{"__proto__":null}}]', '{"__proto__":1}'])(
    'holds no __proto__ member: %s',
    data => {
      expect(accepts(`"data":${data}`)).toBe(false);
      expect({}).not.toHaveProperty('admin');
    },
  );

  it('nests 32 levels of arrays or objects and not one more', () => {
    expect(accepts(`"data":${nested(32)}`)).toBe(true);
    expect(accepts(`"data":${nested(33)}`)).toBe(false);
    expect(accepts(`"data":${nestedObjects(32)}`)).toBe(true);
    expect(accepts(`"data":${nestedObjects(33)}`)).toBe(false);
  });

  it.each(['data', 'time', 'type', 'extension', 'semantictags', 'data_base64'])(
    'of 60 kB of brackets under %j is refused, not a crash',
    name => {
      expect(accepts(`"${name}":${nested(30_000)}`)).toBe(false);
    },
  );

  it('is looked at whole, to its last item', () => {
    expect(accepts(`"data":[${'0,'.repeat(5_000)}0]`)).toBe(true);
    expect(accepts(`"data":[${'0,'.repeat(5_000)}-0]`)).toBe(false);
  });
});

describe('Binary event data', () => {
  it.each(['""', '"AA=="', '"AAA="', '"AAAA"', '"+/+/"', 'null'])('may be %s', data => {
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
  ])('may not be %s, which is no standard base64', data => {
    expect(accepts(`"data_base64":${data}`)).toBe(false);
  });

  it('fills a message of the default size', () => {
    expect(accepts(`"data_base64":"${'AAAA'.repeat(16_000)}"`)).toBe(true);
  });

  it.each(['1', '{}', 'null'])('never comes together with data, be that %s', data => {
    expect(accepts(`"data":${data},"data_base64":"AA=="`)).toBe(false);
  });

  it('that is unset may come together with data', () => {
    expect(accepts('"data":1,"data_base64":null')).toBe(true);
  });
});

describe('validateEvent', () => {
  it('leaves the event as it was', () => {
    const event = parse('"data":{"a":[1,{"b":null}]},"subject":null,"extension":true');
    const before = JSON.stringify(event);
    validateEvent(event, DEFAULT_EVENT_LIMITS);

    expect(JSON.stringify(event)).toBe(before);
  });
});
