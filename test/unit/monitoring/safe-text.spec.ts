import { safeText } from '../../../lib/monitoring/safe-text.js';

describe('safeText', () => {
  it.each(['ui.click', 'https://myapp.com', 'ключ 🔑', '"quoted" = \'so\'', ''])(
    'does not change harmless text: %j',
    text => {
      expect(safeText(text)).toBe(text);
    },
  );

  it.each([
    ['a line break', 'a\nb', 'a\\u{a}b'],
    ['a carriage return', 'a\r\nb', 'a\\u{d}\\u{a}b'],
    ['an escape sequence', '\u001b[2J', '\\u{1b}[2J'],
    ['a C1 control', '\u009b31m', '\\u{9b}31m'],
    ['a line separator', '\u2028', '\\u{2028}'],
    ['a paragraph separator', '\u2029', '\\u{2029}'],
    ['a bidirectional override', '\u202egnp.exe', '\\u{202e}gnp.exe'],
    ['a bidirectional isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['an invisible character', 'a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
    ['a tag character', '\u{e0041}', '\\u{e0041}'],
    ['a lone surrogate', 'a\ud800', 'a\\u{d800}'],
    ['a NUL', '\0', '\\u{0}'],
    ['what looks like an escape', '\\u{a}', '\\\\u{a}'],
  ])('escapes %s', (_, text, safe) => {
    expect(safeText(text)).toBe(safe);
  });

  it('truncates and marks that with an ellipsis', () => {
    expect(safeText('x'.repeat(64))).toBe('x'.repeat(64));
    expect(safeText('x'.repeat(65))).toBe(`${'x'.repeat(64)}…`);
  });

  it('does not exceed the limit by escaping, and does not cut an escape', () => {
    for (const text of ['\n'.repeat(1_000_000), '🔑'.repeat(1_000), '\ud83d'.repeat(100)]) {
      const safe = safeText(text);
      expect(safe.length).toBeLessThanOrEqual(65);
      expect(safe).toMatch(/^(?:\\u\{[0-9a-f]+\}|[^\\])*…$/u);
      expect(safe.isWellFormed()).toBe(true);
    }
  });
});
