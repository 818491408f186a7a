import { createEvent, isExpired, validateEvent } from '../../../lib/event/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0, 7);
const init = { type: 'ui.click', source: '/app' };

describe('createEvent', () => {
  it('creates a valid event from a type and a source', () => {
    const event = createEvent(init, NOW);

    expect(event).toEqual({
      ...init,
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      time: '2026-11-23T10:00:00.007Z',
    });
    expect(() => {
      validateEvent(event);
    }).not.toThrow();
  });

  it('creates a unique id', () => {
    const ids = Array.from({ length: 100 }, () => createEvent(init).id);

    expect(new Set(ids).size).toBe(100);
  });

  it('uses the current time by default', () => {
    expect(isExpired(createEvent(init), { maxAge: 10_000, clockSkew: 0 })).toBe(false);
  });

  it('keeps the id, the time and every other given attribute', () => {
    const given = {
      ...init,
      id: 'e-1',
      time: '2000-01-01T00:00:00+01:00',
      data: { x: 1 },
      semantictags: 'a,b',
      traceparent: '00-1',
    };

    expect(createEvent(given, NOW)).toEqual({ ...given, specversion: '1.0' });
  });

  it('fills in an id and a time that are undefined', () => {
    const event = createEvent({ ...init, id: undefined, time: undefined }, NOW);

    expect(event.id).toMatch(/./);
    expect(event.time).toBe('2026-11-23T10:00:00.007Z');
  });

  it('creates CloudEvents 1.0 only', () => {
    const old: object = { ...init, specversion: '0.3' };

    expect(createEvent(old as typeof init).specversion).toBe('1.0');
  });

  it('does not change its argument', () => {
    const given = Object.freeze({ ...init });

    expect(createEvent(given)).not.toBe(given);
    expect(given).toEqual(init);
  });
});
