import { createEvent, freshnessOf, isExpired, isWithin } from '../../../lib/event/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (time: number, text = new Date(time).toISOString()) => ({
  ...createEvent({ type: 'ui.click', source: '/app', id: 'e-1' }),
  time: text,
});

describe('isExpired', () => {
  it.each([
    ['now', 0, false],
    ['exactly maxAge ago', -300_000, false],
    ['a millisecond more than maxAge ago', -300_001, true],
    ['exactly clockSkew ahead', 60_000, false],
    ['a millisecond more than clockSkew ahead', 60_001, true],
  ])('applies the default window to an event of %s', (_title, offset, expired) => {
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
    'replaces undefined members of %j by the defaults (offset %d ms)',
    (window, offset, expired) => {
      expect(isExpired(at(NOW + offset), { ...window, now: NOW })).toBe(expired);
    },
  );

  it('returns true for an event without a time', () => {
    expect(isExpired({ specversion: '1.0', type: 't', source: 's', id: '1' }, { now: NOW })).toBe(
      true,
    );
  });

  it.each(['', 'now', '2026-11-23', '2026-11-23T10:00:00', String(NOW)])(
    'returns true for an event whose time is %j',
    text => {
      expect(isExpired(at(NOW, text), { now: NOW })).toBe(true);
    },
  );

  it('compares instants, whatever their offset', () => {
    expect(isExpired(at(NOW, '2026-11-23T11:00:00+01:00'), { now: NOW })).toBe(false);
    expect(isExpired(at(NOW, '2026-11-23T10:00:00+01:00'), { now: NOW })).toBe(true);
  });

  it('uses the current time by default', () => {
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

  it('rejects NaN', () => {
    expect(isWithin({ maxAge: 10, clockSkew: 5 }, NaN, NOW)).toBe(false);
  });
});

describe('freshnessOf', () => {
  const nonce = 'n'.repeat(16);

  it('returns the instant and the nonce of an event', () => {
    expect(freshnessOf({ ...at(NOW), semanticnonce: nonce })).toEqual({ time: NOW, nonce });
  });

  it.each([
    ['no time', { time: undefined, semanticnonce: nonce }],
    ['a time of null', { time: null, semanticnonce: nonce }],
    ['a numeric time', { time: NOW, semanticnonce: nonce }],
    ['a time that is a list', { time: ['2026-11-23T10:00:00Z'], semanticnonce: nonce }],
    ['a time without offset', { time: '2026-11-23T10:00:00', semanticnonce: nonce }],
    ['no nonce', {}],
    ['a nonce of null', { semanticnonce: null }],
    ['a short nonce', { semanticnonce: 'n'.repeat(15) }],
    ['a long nonce', { semanticnonce: 'n'.repeat(129) }],
    ['a nonce of 60 kB', { semanticnonce: 'n'.repeat(60_000) }],
    ['a nonce with a delimiter', { semanticnonce: `${nonce}:` }],
    ['a nonce that is a list', { semanticnonce: [nonce] }],
  ])('rejects an event with %s', (_title, attributes) => {
    const event: unknown = { ...at(NOW), ...attributes };

    expect(() => freshnessOf(event as ReturnType<typeof at>)).toThrow(
      expect.objectContaining({ name: 'RefusalError', code: 'INVALID_EVENT' }),
    );
  });
});
