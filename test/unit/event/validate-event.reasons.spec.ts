import { DEFAULT_EVENT_LIMITS, freshnessOf, validateEvent } from '../../../lib/event/index.js';
import { RefusalError, textOf } from '../../../lib/protocol/index.js';

const event = (attributes: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: '1.0',
  type: 'ui.click',
  source: '/app',
  id: 'e-1',
  ...attributes,
});
const UNLIMITED = {
  maxNameLength: Infinity,
  maxAttributeLength: Infinity,
  maxExtensions: 32,
  maxDepth: 32,
};
const NONCE = 'semanticnonce must be 16 to 128 of A-Z a-z 0-9 _ -';
const DATA = 'data has a member __proto__, a lone surrogate, -0, or a number beyond a double';

/** Returns the reason that operators read for a refused value. */
function reasonOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (RefusalError.is(error)) return textOf(error.reason);
    throw error;
  }
  return 'accepted';
}
const problemOf = (value: unknown, limits = DEFAULT_EVENT_LIMITS) =>
  reasonOf(() => {
    validateEvent(value, limits);
  });

describe('the reason of INVALID_EVENT', () => {
  it('is found for any depth that a frame has room for', () => {
    const data: unknown = JSON.parse('['.repeat(30_000) + ']'.repeat(30_000));
    expect(problemOf(event({ data }))).toBe('data has more than 32 levels');
  });

  it.each<[value: unknown, reason: string]>([
    [null, 'the event is not a JSON object'],
    ['event', 'the event is not a JSON object'],
    [[event()], 'the event is not a JSON object'],
    [event({ specversion: '0.3' }), 'specversion must be "1.0"'],
    [event({ type: undefined }), 'type is missing'],
    [event({ source: null }), 'source is missing'],
    [event({ id: undefined }), 'id is missing'],
    [
      event({ type: 't'.repeat(257) }),
      'type must be a string of 1 to 256 characters without control characters',
    ],
    [
      event({ source: '' }),
      'source must be a string of 1 to 2048 characters without control characters',
    ],
    [
      event({ id: 'a\nb' }),
      'id must be a string of 1 to 256 characters without control characters',
    ],
    [event({ source: 'a b' }), 'source must be a URI reference'],
    [event({ time: 'noon' }), 'time must be an RFC 3339 date-time with an offset'],
    [
      event({ subject: 1 }),
      'subject must be a string of 1 to 2048 characters without control characters',
    ],
    [
      event({ datacontenttype: 'json' }),
      'datacontenttype must be a media type of at most 2048 characters, such as application/json',
    ],
    [event({ dataschema: 'x' }), 'dataschema must be a URI'],
    [event({ semanticnonce: 'short' }), NONCE],
    [event({ data_base64: '?' }), 'data_base64 must be base64, and without data beside it'],
    [
      event(Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`x${n}`, 1]))),
      'more than 32 extension attributes',
    ],
    [event({ good: 1, 'my-ext': 1 }), 'attribute name "my-ext" must be 1 to 64 of a-z 0-9'],
    [
      event({ good: 1, semantictags: ['a'] }),
      'semantictags must be a string of at most 2048 characters',
    ],
    [
      event({ good: 1, extension: 0.5 }),
      'extension must be a string, boolean or 32-bit integer of at most 2048 characters',
    ],
    [event({ data: JSON.parse('['.repeat(33) + ']'.repeat(33)) }), 'data has more than 32 levels'],
    [event({ data: [-0] }), DATA],
    [event({ data: JSON.parse('{"__proto__":1}') }), DATA],
  ])('names the rule that %j breaks', (value, reason) => {
    expect(problemOf(value)).toBe(reason);
  });

  it.each<[attributes: Record<string, unknown>, reason: string]>([
    [{ type: '' }, 'type must be a non-empty string without control characters'],
    [{ datacontenttype: 'json' }, 'datacontenttype must be a media type, such as application/json'],
    [{ semantictags: 1 }, 'semantictags must be a string'],
  ])('names no limit for %j if there is none', (attributes, reason) => {
    expect(problemOf(event(attributes), UNLIMITED)).toBe(reason);
  });

  it('contains no value of the event', () => {
    const secret = 'hunter2\n';
    for (const name of ['type', 'source', 'id', 'time', 'subject', 'semanticnonce', 'extension'])
      expect(problemOf(event({ [name]: secret }))).not.toContain('hunter2');
    expect(problemOf(event({ data: { hunter2: -0 } }))).not.toContain('hunter2');
  });

  const time = '2026-11-23T10:00:00Z';
  it.each<[attributes: Record<string, unknown>, reason: string]>([
    [{}, 'time is missing: a signed event needs one'],
    [{ time: 'noon' }, 'time is not RFC 3339'],
    [{ time }, 'semanticnonce is missing: a signed event needs one'],
    [{ time, semanticnonce: 'short' }, NONCE],
    [{ time, semanticnonce: 'n'.repeat(16) }, 'accepted'],
  ])('names what replay protection misses in %j', (attributes, reason) => {
    expect(reasonOf(() => freshnessOf(event(attributes) as never))).toBe(reason);
  });
});
