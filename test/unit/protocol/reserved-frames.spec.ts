import {
  ReservedFrameError,
  reservedFrameIn,
  reservedMessage,
} from '../../../lib/protocol/index.js';

const TYPES = [
  'auth_success',
  'auth_expiring',
  'subscribed',
  'unsubscribed',
  'gap',
  'event',
  'error',
  'pong',
  'semantic-events:pong',
];
const exception = (code: unknown) => ({ event: 'exception', data: { code } });

describe('a text that a handler returned', () => {
  it.each(TYPES)('is a frame of the server if its type is %s', type => {
    expect(reservedFrameIn(JSON.stringify({ type, more: 1 }))).toBe(`a frame of the type ${type}`);
  });

  it('is an event if it has a specversion', () => {
    expect(reservedFrameIn('{"specversion":"1.0"}')).toBe('an event');
    expect(reservedFrameIn('{"type":"error","specversion":null}')).toBe('an event');
  });

  it.each(['FORBIDDEN', 'TEAPOT', 'constructor', ''])(
    'is an exception of the server if it has a code: %j',
    code => {
      const text = JSON.stringify(exception(code));
      expect(reservedFrameIn(text)).toBe('an exception with a code');
    },
  );

  it.each([
    '{"type":"\\u0065rror"}',
    '{"event":"e\\u0078ception","data":{"code":"FORBIDDEN"}}',
    '{"a":1,"type":"auth\\u005fsuccess"}',
  ])('is a frame of the server also if JSON.rawJSON has written %s', text => {
    expect(reservedFrameIn(text)).toEqual(expect.any(String));
  });

  it.each([
    exception(['FORBIDDEN']),
    exception(7),
    { event: 'exception' },
    { event: 'exception', data: null },
    { event: 'other', data: { code: 'FORBIDDEN' } },
    { data: { code: 'FORBIDDEN' } },
    { event: 'gap', data: 1 },
    { type: 'other' },
    { type: 'auth_success2' },
    { type: 'a\nb', event: '"' },
    { data: { type: 'error', specversion: '1.0', event: 'exception' } },
    [{ type: 'error' }, { specversion: '1.0' }],
    '"type":"error"',
    {},
    null,
    1,
  ])('is data of the application otherwise: %j', value => {
    expect(reservedFrameIn(JSON.stringify(value))).toBeUndefined();
  });
});

describe('a message over Socket.IO', () => {
  it.each(TYPES)('is one of the server if its name is %s, whatever its data', name => {
    expect(reservedMessage(name, undefined)).toBe(`the message ${name}`);
  });

  it('is one of the server if it is an exception with a code', () => {
    for (const code of ['FORBIDDEN', 'TEAPOT'])
      expect(reservedMessage('exception', { code })).toBe('an exception with a code');
    for (const data of [undefined, null, 'FORBIDDEN', {}, { code: 1 }])
      expect(reservedMessage('exception', data)).toBeUndefined();
    expect(reservedMessage('other', { code: 'FORBIDDEN' })).toBeUndefined();
  });
});

describe('ReservedFrameError', () => {
  it('names the handler and what to return instead', () => {
    const error = new ReservedFrameError('chat', 'an event');
    expect(error.name).toBe('ReservedFrameError');
    expect(error.message).toBe(
      'The handler of "chat" returned an event, which only the server may send: ' +
        "return the value as data, such as { event: 'chat.reply', data }",
    );
  });
});
