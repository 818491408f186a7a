import { markReceived, receivedAs, type SemanticEvent } from '../../../lib/event/index.js';
import { DEFAULT_EVENT_LIMITS } from '../../../lib/event/index.js';
import { eventIdOf, eventOf } from '../../../lib/handler/index.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { wsContext } from '../../helpers/ws-context.js';

class Gateway {
  on() {}
}

const contextOf = (data: unknown, pattern = 'a') => wsContext(Gateway, 'on', { data, pattern });
const newEvent = (): SemanticEvent => ({ specversion: '1.0', type: 'a', source: 'b', id: 'c' });

describe('eventOf', () => {
  it('returns the object that the handler receives', () => {
    const event = newEvent();
    expect(eventOf(contextOf(event))).toBe(event);
  });

  it('marks a validated body as received in a Nest frame', () => {
    const event = newEvent();
    expect(receivedAs(event)).toBeUndefined();
    eventOf(contextOf(event));
    expect(receivedAs(event)).toBe('nest');
  });

  it('does not validate again what the adapter validated', () => {
    const event = newEvent();
    markReceived(event, 'event');
    eventOf(contextOf(event), { ...DEFAULT_EVENT_LIMITS, maxNameLength: 0 });
    expect(receivedAs(event)).toBe('event');
  });

  it.each([
    ['an event', newEvent(), 'INVALID_EVENT'],
    ['a signed event', { ...newEvent(), semanticsignature: 'x' }, 'INVALID_SIGNATURE'],
  ])('rejects %s under the name of another message', (_, event, code) => {
    for (const name of ['b', 'a.b', 'A', ''])
      expect(refusalOf(() => eventOf(contextOf(event, name)))).toBe(code);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', '{"specversion":"1.0"}'],
    ['an array of an event', [newEvent()]],
    ['an event without a type', { ...newEvent(), type: undefined }],
    ['an event of another version', { ...newEvent(), specversion: '0.3' }],
  ])('rejects %s every time', (_, data) => {
    for (let i = 0; i < 2; i++)
      expect(refusalOf(() => eventOf(contextOf(data)))).toBe('INVALID_EVENT');
  });

  it('applies the given event limits', () => {
    const limits = { ...DEFAULT_EVENT_LIMITS, maxNameLength: 3 };
    expect(refusalOf(() => eventOf(contextOf(newEvent()), limits))).toBeUndefined();
    expect(
      refusalOf(() => eventOf(contextOf({ ...newEvent(), type: 'long' }, 'long'), limits)),
    ).toBe('INVALID_EVENT');
  });
});

describe('eventIdOf', () => {
  it('returns any valid id', () => {
    expect(eventIdOf({ id: 'e1', type: 5 })).toBe('e1');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'id'],
    ['an object without one', {}],
    ['a number for an id', { id: 5 }],
    ['an empty id', { id: '' }],
    ['an id with a line break', { id: 'a\nb' }],
    ['an id of 257 characters', { id: 'a'.repeat(257) }],
    ['an id with a lone surrogate', { id: '\ud800' }],
  ])('returns undefined for %s', (_, data) => {
    expect(eventIdOf(data)).toBeUndefined();
  });
});
