import fc from 'fast-check';
import { coversPattern, isPattern, matchesPattern } from '../../lib/event/index.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 1_000 });

const NAMES = ['a', 'b', 'ab'];
const joined = (segments: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength }).map(parts => parts.join('.'));
const types = joined(NAMES, 7);
/** Types with wildcards as plain text. */
const oddTypes = joined([...NAMES, '*', '**'], 5);
const patterns = joined([...NAMES, '*', '**', '**'], 6);

/** The definition, word for word: exponential but obviously correct. */
function matches(type: readonly string[], pattern: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return type.length === 0;
  if (first === '**' && matches(type, rest)) return true;
  if (type.length === 0) return false;
  if (first === '**') return matches(type.slice(1), pattern);
  return (first === '*' || first === type[0]) && matches(type.slice(1), rest);
}

describe('matchesPattern', () => {
  it('agrees with the definition of patterns', () => {
    fc.assert(
      fc.property(fc.oneof(types, oddTypes), patterns, (type, pattern) => {
        expect(matchesPattern(type, pattern)).toBe(matches(type.split('.'), pattern.split('.')));
      }),
      { numRuns: 3_000 },
    );
  });

  it('matches a type with any segment replaced by a wildcard', () => {
    fc.assert(
      fc.property(types, fc.nat(), fc.constantFrom('*', '**'), (type, index, wildcard) => {
        const segments = type.split('.');
        const pattern = segments.with(index % segments.length, wildcard).join('.');

        expect(matchesPattern(type, pattern)).toBe(true);
      }),
    );
  });

  it('never matches a type by a prefix of one of its segments', () => {
    fc.assert(
      fc.property(types, fc.nat(), (type, index) => {
        const segments = type.split('.');
        const at = index % segments.length;
        const longer = segments.with(at, `${segments[at] ?? ''}x`).join('.');

        expect(matchesPattern(longer, type)).toBe(false);
        expect(matchesPattern(longer, `${segments.slice(0, at + 1).join('.')}.**`)).toBe(false);
      }),
    );
  });

  it('matches nothing against an invalid pattern, and never throws', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', '.', '*', '\0', '\ud800'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(texts, texts, (type, text) => {
        const isWellFormed = text
          .split('.')
          .every(part => ['*', '**'].includes(part) || /^[^*]+$/.test(part));

        expect(isPattern(text)).toBe(isWellFormed);
        if (!isWellFormed) expect(matchesPattern(type, text)).toBe(false);
      }),
    );
  });
});

describe('coversPattern', () => {
  it('never returns true if the narrower pattern matches a type that the wider one does not', () => {
    let covered = 0;
    fc.assert(
      fc.property(patterns, patterns, fc.array(types), (wider, narrower, some) => {
        if (!coversPattern(wider, narrower)) return;
        covered++;
        for (const type of some.filter(text => matchesPattern(text, narrower)))
          expect(matchesPattern(type, wider)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    expect(covered).toBeGreaterThan(100);
  });

  it('returns true for itself, and for everything by **', () => {
    fc.assert(
      fc.property(patterns, pattern => {
        expect(coversPattern(pattern, pattern)).toBe(true);
        expect(coversPattern('**', pattern)).toBe(true);
        expect(coversPattern('*', pattern)).toBe(/^[^.]+$/.test(pattern) && pattern !== '**');
      }),
    );
  });
});
