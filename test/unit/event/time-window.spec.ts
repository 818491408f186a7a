import { createEvent, freshnessOf, isExpired, isWithin } from '../../../lib/event/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (time: number, text = new Date(time).toISOString()) =>
  createEvent({ type: 'ui.click', source: '/app', id: 'e-1', time: text });

describe('isExpired', () => {
  it.each([
    ['now', 0, false],
    ['exactly maxAge ago', -300_000, false],
    ['a millisecond more than maxAge ago', -300_001, true],
    ['exactly clockSkew ahead', 60_000, false],
    ['a millisecond more than clockSkew ahead', 60_001, true],
  ])('holds an event of %s to the default window', (_title, offset, expired) => {
    expect(isExpired(at(NOW + offset), { now: NOW })).toBe(expired);
  });

  it.each([
    [{ maxAge: 1_000 }, -1_000, false],
    [{ maxAge: 1_000 }, -1_001, true],
    [{ maxAge: 1_000 }, 60_000, false],
    [{ clockSkew: 0 }, 0, false],
    [{ clockSkew: 0 }, 1, true],
    [{ clockSkew: 0 }, -300_000, false],
    [{ maxAge: 10, clockSkew: 20 }, -11, true],
    [{ maxAge: 10, clockSkew: 20 }, 20, false],
  ])(
    'fills %j in with the defaults, member by member (offset %d ms)',
    (window, offset, expired) => {
      expect(isExpired(at(NOW + offset), { ...window, now: NOW })).toBe(expired);
    },
  );

  it('is true of an event without a time', () => {
    expect(isExpired({ specversion: '1.0', type: 't', source: 's', id: '1' }, { now: NOW })).toBe(
      true,
    );
  });

  it.each(['', 'now', '2026-11-23', '2026-11-23T10:00:00', String(NOW)])(
    'is true of an event whose time is %j',
    text => {
      expect(isExpired(at(NOW, text), { now: NOW })).toBe(true);
    },
  );

  it('compares instants, whatever the offset they are written with', () => {
    expect(isExpired(at(NOW, '2026-11-23T11:00:00+01:00'), { now: NOW })).toBe(false);
    expect(isExpired(at(NOW, '2026-11-23T10:00:00+01:00'), { now: NOW })).toBe(true);
  });

  it('goes by the current time unless told another', () => {
    expect(isExpired(createEvent({ type: 't', source: 's' }))).toBe(false);
    expect(isExpired(at(0))).toBe(true);
  });
});

describe('isWithin', () => {
  it('includes both edges of the window', () => {
    const accepted = [-11, -10, 0, 5, 6].map(offset =>
      isWithin({ maxAge: 10, clockSkew: 5 }, NOW + offset, NOW),
    );

    expect(accepted).toEqual([false, true, true, true, false]);
  });

  it('includes no time that is not a number', () => {
    expect(isWithin({ maxAge: 10, clockSkew: 5 }, NaN, NOW)).toBe(false);
  });
});

describe('freshnessOf', () => {
  const nonce = 'n'.repeat(16);

  it('is the instant and the nonce of an event', () => {
    expect(freshnessOf({ ...at(NOW), semanticnonce: nonce })).toEqual({ time: NOW, nonce });
  });

  it.each([
    ['no time', { time: undefined, semanticnonce: nonce }],
    ['a time of null', { time: null, semanticnonce: nonce }],
    ['a numeric time', { time: NOW, semanticnonce: nonce }],
    ['a time without offset', { time: '2026-11-23T10:00:00', semanticnonce: nonce }],
    ['no nonce', {}],
    ['a nonce of null', { semanticnonce: null }],
    ['a short nonce', { semanticnonce: 'n'.repeat(15) }],
    ['a long nonce', { semanticnonce: 'n'.repeat(129) }],
    ['a nonce of 60 kB', { semanticnonce: 'n'.repeat(60_000) }],
    ['a nonce with a delimiter', { semanticnonce: `${nonce}:` }],
    ['a nonce that is a list', { semanticnonce: [nonce] }],
  ])('refuses an event with %s', (_title, attributes) => {
    const event: unknown = { ...at(NOW), ...attributes };

    expect(() => freshnessOf(event as ReturnType<typeof at>)).toThrow(
      expect.objectContaining({ name: 'RefusalError', code: 'INVALID_EVENT' }),
    );
  });
});
