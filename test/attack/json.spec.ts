import { createHmac } from 'node:crypto';
import canonicalize from 'canonicalize';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

/** The inherited members of every object, which vary between Node versions. */
const UNPOLLUTED = Reflect.ownKeys(Object.prototype);

let app: TestApp;
let client: TestClient;

beforeEach(async () => {
  app = await TestApp.start({
    gateways: [DemoGateway],
    options: { connection: { maxStrikes: 1_000, messageRate: 1_000, messageBurst: 1_000 } },
  });
  client = await app.login();
});

const calls = () => app.nest.get(DemoGateway).calls;

const outcome = async (text: string, from = client): Promise<string> => {
  from.socket.send(text);
  from.sendJson({ type: 'ping' });
  const answers = await from.take(2);
  const answer = answers.find(({ type }) => type !== 'pong')!;
  // One answer, and the connection stays open.
  expect(answers.some(({ type }) => type === 'pong')).toBe(true);
  return answer.type === 'event' ? 'accepted' : (answer.code ?? answer.data.code);
};
const send = (event: Json, from = client) =>
  outcome(JSON.stringify({ type: 'event', event }), from);

/** Creates a frame with a signed event whose data is replaced by other JSON text. */
const withData = (data: string, signedAs: unknown = 'DATA', type = 'demo.echo') =>
  JSON.stringify({
    type: 'event',
    event: { ...client.event(type, signedAs), data: 'DATA' },
  }).replace('"DATA"', () => data);

afterEach(() => {
  expect(({} as Json).polluted).toBeUndefined();
  expect(Reflect.ownKeys(Object.prototype)).toEqual(UNPOLLUTED);
});

describe("data of Nest's own frames", () => {
  it.each([
    ['6,000 levels deep', '['.repeat(6_000) + ']'.repeat(6_000)],
    ['an object with another prototype', '{"__proto__":{"admin":true}}'],
    ['a number that overflows a double', '[1e400]'],
    ['text with a lone surrogate', '"\\ud800"'],
  ])('is INVALID_EVENT if it is %s, and reaches no handler', async (_, data) => {
    expect(await outcome(`{"event":"plain","data":${data}}`)).toBe('INVALID_EVENT');
  });
});

describe('JSON that two parsers read differently', () => {
  it('is unambiguous: white space around an event is not signed', async () => {
    for (const [before, behind] of [
      [' ', ''],
      ['\n\t', ''],
      ['', ' '],
      [' ', ' '],
    ] as const) {
      const event = canonicalize(client.event('demo.echo', { before, behind }));
      expect(await outcome(`{"type":"event","event":${before}${event}${behind}}`)).toBe('accepted');
    }
  });

  it('is unambiguous: the last of repeated members is both signed and handled', async () => {
    const event = JSON.stringify(client.event('demo.echo', 'last'));
    const twice = (extra: string) => `{"type":"event","event":{${extra},${event.slice(1)}}`;
    expect(await outcome(twice('"data":"first"'))).toBe('accepted');
    expect(calls()).toEqual(['last']);
    const reversed = JSON.stringify(client.event('demo.echo', 'signed')).slice(0, -1);
    for (const extra of ['"data":"other"', '"type":"demo.session"', '"semanticsignature":""'])
      expect(await outcome(`{"type":"event","event":${reversed},${extra}}}`)).toBe(
        'INVALID_SIGNATURE',
      );
    expect(calls()).toEqual(['last']);
  });

  it.each([
    ['__proto__', '{"__proto__":{"polluted":1}}'],
    ['__proto__ in an array', '[{"a":{"__proto__":null}}]'],
    ['an escaped __proto__', '{"\\u005f_proto__":{"polluted":1}}'],
    ['a lone surrogate', '"\\ud800"'],
    ['a lone surrogate in a key', '{"\\udfff":1}'],
    ['a number that overflows a double', '1e400'],
    ['a negative number that overflows a double', '[-1e999]'],
    ['a negative zero', '-0'],
    ['a negative zero with an exponent', '{"a":-0e5}'],
    ['too many levels', `${'['.repeat(33)}${']'.repeat(33)}`],
    ['10 000 levels', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
  ])('%s in data is rejected with INVALID_EVENT', async (_, data) => {
    for (const type of ['demo.echo', 'demo.unsigned'])
      expect(await outcome(withData(data, 'DATA', type))).toBe('INVALID_EVENT');
    expect(calls()).toEqual([]);
  });

  it.each(['NaN', 'Infinity', '0x10', '01', "'x'", '{a:1}', '[1,]', '"\u0001"', '{"a":1}}', ''])(
    '%j in data is not JSON: BAD_FRAME',
    async data => {
      expect(await outcome(withData(data))).toBe('BAD_FRAME');
    },
  );

  it('a number of 20 digits reaches the handler as the signed number, or not at all', async () => {
    const number = '12345678901234567890';
    expect(await outcome(withData(number, Number(number)))).toBe('accepted');
    expect(await outcome(withData(number, number))).toBe('INVALID_SIGNATURE');
    expect(await outcome(withData('1.0', 1))).toBe('accepted');
    expect(calls()).toEqual([Number(number), 1]);
  });

  it('members named like object members are ordinary data', async () => {
    const data = { constructor: 1, toString: { valueOf: 2 }, hasOwnProperty: null, toJSON: 'x' };
    expect(await send(client.event('demo.echo', data))).toBe('accepted');
    expect(calls()).toEqual([data]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'Data', 'data ', 'x'.repeat(65)])(
    'an attribute named %j is rejected',
    async name => {
      const text = JSON.stringify(client.event('demo.echo', 'x')).replace(
        '{',
        `{${JSON.stringify(name)}:{"polluted":1},`,
      );
      expect(await outcome(`{"type":"event","event":${text}}`)).toBe('INVALID_EVENT');
    },
  );

  it.each(['[', '{"a":', '"\\u'])('60 kB of %j are rejected as BAD_FRAME', async text => {
    const frame = text.repeat(60_000 / text.length);
    expect(await outcome(frame)).toBe('BAD_FRAME');
    expect(await outcome(`{"type":"event","event":${frame}`)).toBe('BAD_FRAME');
  });
});

describe('an event received in canonical form', () => {
  /** Returns the JSON of a signed event as this library's client sends it, in two parts. */
  const sealed = (data: unknown) => {
    const { semanticsignature, ...unsigned } = client.event('demo.echo', data);
    const open = canonicalize(unsigned)!.slice(0, -1);
    return { open, signature: `"semanticsignature":"${String(semanticsignature)}"` };
  };
  const send = (event: string, behind = '') =>
    outcome(`{"type":"event","event":${event}${behind}}`);

  it('is accepted, wherever its signature is', async () => {
    const { open, signature } = sealed({ a: 1, b: 'é' });
    expect(await send(`${open},${signature}}`)).toBe('accepted');
    const other = sealed({ a: 1, b: 'é' });
    expect(await send(`{${other.signature},${other.open.slice(1)}}`)).toBe('accepted');
    expect(calls()).toEqual([
      { a: 1, b: 'é' },
      { a: 1, b: 'é' },
    ]);
  });

  it.each<[string, (open: string, signature: string) => string, string]>([
    ['in its data', (open, s) => `${open.replace('"a":1', `"a":1,${s}`)}}`, 'INVALID_SIGNATURE'],
    [
      'in its data, and where it belongs',
      (open, s) => `${open.replace('"a":1', `"a":1,${s}`)},${s}}`,
      'INVALID_SIGNATURE',
    ],
    [
      'before all else, and in its data',
      (open, s) => `{${s},${open.slice(1).replace('"a":1', `"a":1,${s}`)}}`,
      'INVALID_SIGNATURE',
    ],
    ['beside it', (open, s) => `${open}},${s}`, 'INVALID_SIGNATURE'],
    [
      'in its data and, by another spelling, where it belongs',
      (open, s) =>
        `${open.replace('"a":1', `"a":1,${s}`)},${s.replace('semantics', 'semantic\\u0073')}}`,
      'INVALID_SIGNATURE',
    ],
  ])('is rejected with the signature %s', async (_, write, code) => {
    const { open, signature } = sealed({ a: 1 });
    expect(await send(write(open, signature))).toBe(code);
    expect(calls()).toEqual([]);
  });

  it.each([
    ['a repeated member', '"data":{"a":1}', '"data":{"a":1,"a":1}'],
    ['a space', '"data":{"a":1}', '"data": {"a":1}'],
    ['another spelling of a number', '"data":{"a":1}', '"data":{"a":1.0}'],
    ['an escape', '"data":{"a":1}', '"data":{"\\u0061":1}'],
  ])('is not what a key signed for a text with %s', async (_, plain, written) => {
    const { semanticsignature: _given, ...unsigned } = client.event('demo.echo', { a: 1 });
    const text = canonicalize(unsigned)!.replace(plain, written);
    const { key, key_id } = client.signing!;
    const mac = createHmac('sha256', Buffer.from(key, 'base64url')).update(`v1.c2s.${text}`);
    const signature = `v1.${key_id}.${mac.digest('base64url')}`;
    expect(await send(`${text.slice(0, -1)},"semanticsignature":"${signature}"}`)).toBe(
      'INVALID_SIGNATURE',
    );
    expect(calls()).toEqual([]);
  });

  it('with any one character changed is rejected or is the same event', async () => {
    const { open, signature } = sealed({ a: 1, b: ['x'] });
    for (let at = 0; at < open.length; at += 3) {
      const changed = `${open.slice(0, at)}~${open.slice(at + 1)}`;
      expect(['BAD_FRAME', 'INVALID_EVENT', 'INVALID_SIGNATURE', 'UNKNOWN_EVENT']).toContain(
        await send(`${changed},${signature}}`),
      );
    }
    expect(calls()).toEqual([]);
  });
});
