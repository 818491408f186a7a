import {
  type ClientFrame,
  CLOUDEVENTS_PROTOCOL,
  decodeFrame,
  NATIVE_PROTOCOL,
  RefusalError,
  textOf,
} from '../../../lib/protocol/index.js';

const BOTH = [NATIVE_PROTOCOL, CLOUDEVENTS_PROTOCOL] as const;
const badFrame = expect.objectContaining({ name: 'RefusalError', code: 'BAD_FRAME' });
const bare = { specversion: '1.0', type: 'ui.click', source: '/app', id: 'e-1' };

describe.each(BOTH)('decodeFrame under %s', subprotocol => {
  it.each<[text: string, frame: ClientFrame]>([
    ['{"type":"auth","token":"abc"}', { kind: 'auth', token: 'abc' }],
    ['{"type":"auth","token":""}', { kind: 'auth', token: '' }],
    [
      '{"type":"subscribe","patterns":["ui.*"]}',
      { kind: 'subscribe', patterns: ['ui.*'], since: undefined },
    ],
    [
      '{"type":"subscribe","patterns":1,"since":"c"}',
      { kind: 'subscribe', patterns: 1, since: 'c' },
    ],
    ['{"type":"unsubscribe","patterns":["a"]}', { kind: 'unsubscribe', patterns: ['a'] }],
    ['{"type":"ping"}', { kind: 'ping' }],
    [' \n{"type":"ping","more":1}\t', { kind: 'ping' }],
    [JSON.stringify(bare), { kind: 'event', event: bare }],
    ['{"specversion":null}', { kind: 'event', event: { specversion: null } }],
    [
      '{"specversion":"1.0","type":"ping"}',
      { kind: 'event', event: { specversion: '1.0', type: 'ping' } },
    ],
  ])('decodes %s', (text, frame) => {
    expect(decodeFrame(text, subprotocol)).toEqual(frame);
  });

  it.each([
    '',
    ' ',
    'ping',
    'null',
    'true',
    '1',
    '"ping"',
    '[]',
    '[{"type":"ping"}]',
    '{}',
    '{"type":"ping"',
    '{"type":"ping"}}',
    '{"type":"ping"}{"type":"ping"}',
    "{'type':'ping'}",
    '\ufeff{"type":"ping"}',
    '{"type":"ping"}\0',
    '{"type":NaN}',
    '{"type":null}',
    '{"type":1}',
    '{"type":["ping"]}',
    '{"type":"PING"}',
    '{"type":"pong"}',
    '{"type":"error"}',
    '{"type":"auth_success"}',
    '{"type":"constructor"}',
    '{"type":"__proto__"}',
    '{"type":"auth"}',
    '{"type":"auth","token":null}',
    '{"type":"auth","token":["abc"]}',
    '{"type":"event"}',
    '{"event":1}',
    '{"event":null,"data":{}}',
    '{"__proto__":{"type":"ping"}}',
    '{"__proto__":{"specversion":"1.0"}}',
    '{"data":{"type":"ping"}}',
  ])('rejects %s', text => {
    expect(() => decodeFrame(text, subprotocol)).toThrow(badFrame);
  });

  it.each([
    ['open', '['.repeat(60_000)],
    ['balanced', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['of objects', '{"a":'.repeat(12_000)],
  ])('rejects 60 kB of %s brackets', (_title, text) => {
    expect(() => decodeFrame(text, subprotocol)).toThrow(badFrame);
  });
});

describe('decodeFrame', () => {
  it.each<[text: string, frame: ClientFrame]>([
    [JSON.stringify({ type: 'event', event: bare }), { kind: 'event', event: bare }],
    ['{"type":"event","event":null}', { kind: 'event', event: null }],
    ['{"event":"chat","data":{"a":1}}', { kind: 'nest', name: 'chat', data: { a: 1 } }],
    ['{"event":"chat"}', { kind: 'nest', name: 'chat', data: undefined }],
    ['{"event":"constructor","data":0}', { kind: 'nest', name: 'constructor', data: 0 }],
  ])('decodes %s under the native subprotocol only', (text, frame) => {
    expect(decodeFrame(text, NATIVE_PROTOCOL)).toEqual(frame);
    expect(() => decodeFrame(text, CLOUDEVENTS_PROTOCOL)).toThrow(badFrame);
  });

  it.each([null, 1, 'message'])('rejects a Nest frame with type %j', type => {
    const text = JSON.stringify({ type, event: 'chat', data: 1 });

    expect(() => decodeFrame(text, NATIVE_PROTOCOL)).toThrow(badFrame);
  });

  it('passes an event on as parsed: the last of repeated members wins', () => {
    const frame = decodeFrame('{"specversion":"1.0","id":"a","id":"b","x":1e400}', NATIVE_PROTOCOL);

    expect(frame).toEqual({ kind: 'event', event: { specversion: '1.0', id: 'b', x: Infinity } });
  });

  it.each<[text: string, reason: string]>([
    ['ping', 'the frame is not JSON'],
    ['null', 'the frame is not a JSON object'],
    ['"ping"', 'the frame is not a JSON object'],
    ['[]', 'the frame is not a JSON object'],
    ['{}', 'the frame has neither a type nor a specversion'],
    ['{"type":1}', 'the frame has neither a type nor a specversion'],
    ['{"type":"auth"}', 'auth: token must be a string'],
    ['{"type":"event"}', 'event: the frame has no member event'],
    ['{"type":"event","event":null}', 'type "event" is not a frame of this sub-protocol'],
    ['{"type":"chat"}', 'type "chat" is not a frame of this sub-protocol'],
  ])('names for operators what is wrong with %s', (text, reason) => {
    try {
      decodeFrame(text, CLOUDEVENTS_PROTOCOL);
    } catch (error) {
      expect(RefusalError.is(error) && textOf(error.reason)).toBe(reason);
      return;
    }
    throw new Error('the frame was decoded');
  });

  it('does not quote rejected text', () => {
    const secret = 'hunter2-hunter2';

    for (const text of [secret, `{"token":"${secret}"}`])
      expect(() => decodeFrame(text, NATIVE_PROTOCOL)).toThrow(
        /^The frame is not a known JSON object$/,
      );
  });
});
