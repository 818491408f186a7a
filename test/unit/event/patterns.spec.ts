import {
  compilePatterns,
  coversPattern,
  isPattern,
  matchesPattern,
  MAX_PATTERN_LENGTH,
  MAX_PATTERN_SEGMENTS,
} from '../../../lib/event/index.js';
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
    'does not match anything, not even itself, against the invalid pattern %j',
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
    ['many open ends', Array<string>(7).fill('**.a')],
    ['many open ends and single segments', Array<string>(7).fill('**.*')],
    ['only open ends', Array<string>(15).fill('**')],
  ])('takes at most about types times patterns steps for %s', (_title, segments) => {
    const type = `${'a.'.repeat(127)}c`;
    const pattern = [...segments, 'b'].join('.');
    expect(isPattern(pattern)).toBe(true);

    expect(matchesPattern(type, pattern)).toBe(false);
    const time = leastCpuTime(() => {
      for (let round = 0; round < 100; round++) matchesPattern(type, pattern);
    });
    expect(time).toBeLessThan(500);
  });
});

describe('compilePatterns', () => {
  it('matches what any of the patterns matches, and nothing without patterns', () => {
    const matches = compilePatterns(['ui.*', 'chat.**', 'not..one']);
    expect(['ui.click', 'chat', 'chat.a.b'].map(matches)).toEqual([true, true, true]);
    expect(['ui', 'ui.a.b', 'chatter', 'not..one', ''].some(matches)).toBe(false);
    expect(compilePatterns([])('ui.click')).toBe(false);
  });
});

describe('isPattern', () => {
  it.each(['ui', 'ui.click', '*', '**', '*.**.*', 'ui.**.click', 'x'.repeat(MAX_PATTERN_LENGTH)])(
    'accepts %j',
    text => {
      expect(isPattern(text)).toBe(true);
    },
  );

  it.each(['', '.', 'ui.', '.ui', 'ui..click', 'ui*', 'u*i', '***', '*.***', '* ', '*\n'])(
    'rejects %j',
    text => {
      expect(isPattern(text)).toBe(false);
    },
  );

  it('accepts 16 segments and not one more', () => {
    expect(MAX_PATTERN_SEGMENTS).toBe(16);
    const segments = Array<string>(16).fill('a').join('.');
    expect(isPattern(segments)).toBe(true);
    expect(isPattern(`${segments}.a`)).toBe(false);
    expect(matchesPattern(`${segments}.a`, `${segments}.a`)).toBe(false);
    expect(matchesPattern(`${segments}.a`, 'a.**')).toBe(true);
  });

  it('accepts 256 characters and not one more', () => {
    expect(MAX_PATTERN_LENGTH).toBe(256);
    expect(isPattern('x'.repeat(257))).toBe(false);
    expect(matchesPattern('x'.repeat(257), 'x'.repeat(257))).toBe(false);
    expect(isPattern('a.'.repeat(30_000) + 'a')).toBe(false);
  });
});

describe('coversPattern', () => {
  it('is false if either text is not a pattern: in a list of rights, no such text grants anything', () => {
    for (const invalid of ['', 'a..b', 'a*', '***', '**.'.repeat(16) + '**'])
      for (const other of ['**', 'a', invalid])
        expect([coversPattern(other, invalid), coversPattern(invalid, other)]).toEqual([
          false,
          false,
        ]);
  });
});
