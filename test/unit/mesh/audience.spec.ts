import { addressOf, channelOf } from '../../../lib/mesh/audience.js';
import type { Audience } from '../../../lib/mesh/index.js';

describe('addressOf', () => {
  it.each<[audience: unknown, channel: string, attribute: string]>([
    [{ user: 'alice' }, 'u:alice', 'user'],
    [{ user: 7 }, 'u:7', 'user'],
    [{ session: 's' }, 's:s', 'session'],
    [{ client: 'c' }, 'c:c', 'client'],
    [{ room: 'lobby' }, 'r:lobby', 'room/lobby'],
    [{ user: 'alice', room: undefined }, 'u:alice', 'user'],
    [{ user: 'x'.repeat(256) }, `u:${'x'.repeat(256)}`, 'user'],
  ])(
    'gives %j one channel, and tells its client only the kind or the room',
    (audience, ...address) => {
      const { channel, attribute } = addressOf(audience as Audience);
      expect([channel, attribute]).toEqual(address);
      expect(channelOf(audience as Audience)).toBe(channel);
    },
  );

  it.each<[audience: unknown]>([
    [undefined],
    [null],
    [{}],
    ['user'],
    [{ user: undefined }],
    [{ user: null }],
    [{ user: '' }],
    [{ user: ['alice'] }],
    [{ user: 'x'.repeat(257) }],
    [{ user: '\ud800' }],
    [{ user: NaN }],
    [{ user: 1.5 }],
    // Rounded to the id of another user.
    [{ user: 2 ** 53 }],
    [{ room: 7 }],
    [{ session: 7 }],
    [{ user: 'alice', room: 'lobby' }],
    [{ user: 'alice', other: 1 }],
    [{ everybody: 'x' }],
    [{ constructor: 'x' }],
  ])('refuses %j: the event must not reach anybody else', audience => {
    expect(() => addressOf(audience as Audience)).toThrow(
      'audience must be one of { user }, { session }, { client } and { room }, with an id of 1 to 256 characters',
    );
  });
});
