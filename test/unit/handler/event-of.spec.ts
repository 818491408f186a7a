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
  it('is the very object the handler is called with', () => {
    const event = newEvent();
    expect(eventOf(contextOf(event))).toBe(event);
  });

  it('marks a body it has validated as one of a frame of Nest', () => {
    const event = newEvent();
    expect(receivedAs(event)).toBeUndefined();
    eventOf(contextOf(event));
    expect(receivedAs(event)).toBe('nest');
  });

  it('takes the word of the adapter for an event it has validated', () => {
    const event = newEvent();
    markReceived(event, 'event');
    eventOf(contextOf(event), { ...DEFAULT_EVENT_LIMITS, maxNameLength: 0 });
    expect(receivedAs(event)).toBe('event');
  });

  it.each([
    ['an event', newEvent(), 'INVALID_EVENT'],
    ['a signed one', { ...newEvent(), semanticsignature: 'x' }, 'INVALID_SIGNATURE'],
  ])('refuses %s that comes under the name of another', (_, event, code) => {
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
  ])('refuses %s, every time', (_, data) => {
    for (let i = 0; i < 2; i++)
      expect(refusalOf(() => eventOf(contextOf(data)))).toBe('INVALID_EVENT');
  });

  it('holds an event against the limits it is given', () => {
    const limits = { ...DEFAULT_EVENT_LIMITS, maxNameLength: 3 };
    expect(refusalOf(() => eventOf(contextOf(newEvent()), limits))).toBeUndefined();
    expect(
      refusalOf(() => eventOf(contextOf({ ...newEvent(), type: 'long' }, 'long'), limits)),
    ).toBe('INVALID_EVENT');
  });
});

describe('eventIdOf', () => {
  it('is the id of whatever has a valid one', () => {
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
  ])('is undefined for %s', (_, data) => {
    expect(eventIdOf(data)).toBeUndefined();
  });
});
