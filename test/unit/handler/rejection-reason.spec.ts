import { WsException } from '@nestjs/websockets';
import { rejectionReason } from '../../../lib/handler/rejection-reason.js';

const reasonOf = (message: string, data: unknown) =>
  rejectionReason(new WsException(message), { status: 400, message }, data);

describe('the reason for an exception of the application', () => {
  it.each<[string, unknown, string]>([
    ['out of stock', undefined, 'out of stock'],
    ['unknown user canary@example.com', { user: 'canary@example.com' }, 'unknown user …'],
    ['unknown user CANARY', { user: 'canary' }, 'unknown user …'],
    ['unknown user canary', { user: '  canary  ' }, 'unknown user …'],
    ['canarycanary', ['canary'], '……'],
    ['a.b (c|d) is not a file', { path: 'a.b (c|d)' }, '… is not a file'],
    ['canary-long and canary', ['canary', 'canary-long'], '… and …'],
    ['order 17 of 170', { order: 17 }, 'order … of 170'],
    ['no a in a table', { letter: 'a' }, 'no … in … table'],
    ['text must be a string', { text: ' ', at: null, is: true }, 'text must be a string'],
    [
      'order.place: no canary',
      { specversion: '1.0', type: 'order.place', subject: 'canary' },
      'order.place: no …',
    ],
  ])('has no value of the data: %s', (message, data, shown) => {
    expect(reasonOf(message, data)).toBe(`WsException: ${shown}`);
  });

  it.each([
    ['values', Array.from({ length: 2_000 }, (_, at) => `canary${at}`)],
    ['members', { deep: Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [at, {}])) }],
  ])('has no message if the data has too many %s to look for', (_, data) => {
    expect(reasonOf('canary1999', data)).toBe('WsException was thrown');
  });

  it('does not look for the bytes of a message', () => {
    expect(reasonOf('0 bytes', [new Uint8Array(10_000)])).toBe('WsException: 0 bytes');
  });
});
