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

  it('is an exception of the server if it has a code of this library', () => {
    const text = JSON.stringify(exception('FORBIDDEN'));
    expect(reservedFrameIn(text)).toBe('an exception with a code of this library');
  });

  it.each([
    exception('TEAPOT'),
    exception('constructor'),
    exception(['FORBIDDEN']),
    { event: 'exception' },
    { event: 'exception', data: null },
    { event: 'other', data: { code: 'FORBIDDEN' } },
    { data: { code: 'FORBIDDEN' } },
    { event: 'gap', data: 1 },
    { type: 'other' },
    { type: 'auth_success2' },
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

  it('is one of the server if it is an exception with a code of this library', () => {
    const named = 'an exception with a code of this library';
    expect(reservedMessage('exception', { code: 'FORBIDDEN' })).toBe(named);
    for (const data of [undefined, null, 'FORBIDDEN', {}, { code: 'TEAPOT' }, { code: 1 }])
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
