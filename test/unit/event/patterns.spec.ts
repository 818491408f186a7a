import { isPattern, matchesPattern, MAX_PATTERN_LENGTH } from '../../../lib/event/index.js';
import { leastCpuTime } from '../../helpers/cpu-time.js';

describe('matchesPattern', () => {
  it.each([
    ['ui.click', 'ui.click'],
    ['ui', '*'],
    ['ui.click', 'ui.*'],
    ['ui.click', '*.click'],
    ['ui.click', '*.*'],
    ['ui.interaction.click', 'ui.*.click'],
    ['ui', '**'],
    ['ui.interaction.click', '**'],
    ['ui', 'ui.**'],
    ['ui.click', 'ui.**'],
    ['ui.interaction.click', 'ui.**'],
    ['click', '**.click'],
    ['ui.interaction.click', '**.click'],
    ['ui.click', 'ui.**.click'],
    ['ui.a.b.click', 'ui.**.click'],
    ['ui.click.click', 'ui.**.click'],
    ['a.b.c.b.d', 'a.**.b.d'],
    ['a.x.b.y.b.c', '**.b.*.b.**'],
    ['a.b', 'a.**.**.b'],
    ['a', '**.**'],
    ['constructor.toString', 'constructor.*'],
  ])('%s matches %s', (type, pattern) => {
    expect(matchesPattern(type, pattern)).toBe(true);
  });

  it.each([
    ['uix', 'ui'],
    ['ui', 'uix'],
    ['uix', 'ui.**'],
    ['uix.click', 'ui.**'],
    ['xui.click', '**.ui.click'],
    ['ui.click', 'ui'],
    ['ui', 'ui.click'],
    ['ui', 'ui.*'],
    ['ui.interaction.click', 'ui.*'],
    ['ui.interaction.click', '*'],
    ['ui.clicks', '**.click'],
    ['UI.click', 'ui.*'],
    ['ui.click.more', '**.click'],
    ['a.b.c', 'a.**.b'],
    ['uiXclick', 'ui.click'],
    ['a', '**.*.*'],
    ['', 'ui'],
  ])('%s does not match %s', (type, pattern) => {
    expect(matchesPattern(type, pattern)).toBe(false);
  });

  it.each(['', '.', '..', 'ui.', '.ui', 'ui..click', 'ui*', '*ui.click', '***', 'ui.***', '**.u*'])(
    'matches nothing, not even itself, against %j, which is no pattern',
    text => {
      expect(matchesPattern(text, text)).toBe(false);
      expect(matchesPattern('ui.click', text)).toBe(false);
    },
  );

  it('treats wildcards in a type as plain text', () => {
    expect(matchesPattern('ui.*', 'ui.click')).toBe(false);
    expect(matchesPattern('**', 'ui.click')).toBe(false);
    expect(matchesPattern('ui.**', 'ui.*')).toBe(true);
  });

  it.each([
    ['many open ends', Array<string>(42).fill('**.a')],
    ['many open ends and single segments', Array<string>(50).fill('**.*')],
    ['only open ends', Array<string>(84).fill('**')],
  ])('takes about types times patterns steps at most for %s', (_title, segments) => {
    const type = `${'a.'.repeat(127)}c`;
    const pattern = [...segments, 'b'].join('.');
    expect(isPattern(pattern)).toBe(true);

    expect(matchesPattern(type, pattern)).toBe(false);
    const time = leastCpuTime(() => {
      for (let round = 0; round < 100; round++) matchesPattern(type, pattern);
    });
    expect(time).toBeLessThan(2_000);
  });
});

describe('isPattern', () => {
  it.each(['ui', 'ui.click', '*', '**', '*.**.*', 'ui.**.click', 'x'.repeat(MAX_PATTERN_LENGTH)])(
    'takes %j',
    text => {
      expect(isPattern(text)).toBe(true);
    },
  );

  it.each(['', '.', 'ui.', '.ui', 'ui..click', 'ui*', 'u*i', '***', '*.***', '* ', '*\n'])(
    'does not take %j',
    text => {
      expect(isPattern(text)).toBe(false);
    },
  );

  it('takes 256 characters and not one more', () => {
    expect(MAX_PATTERN_LENGTH).toBe(256);
    expect(isPattern('x'.repeat(257))).toBe(false);
    expect(matchesPattern('x'.repeat(257), 'x'.repeat(257))).toBe(false);
    expect(isPattern('a.'.repeat(30_000) + 'a')).toBe(false);
  });
});
