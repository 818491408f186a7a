import { existsSync, readdirSync, readFileSync } from 'node:fs';

interface Line {
  line: number;
  attack: string;
  /**
   * Suites with the prefixes of the titles that cover the line. An empty prefix means the whole
   * suite.
   */
  tests: Record<string, string[]>;
}

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const catalogue = JSON.parse(read('./catalogue.json')) as Line[];
const suites = catalogue.flatMap(({ line, tests }) =>
  Object.entries(tests).flatMap(([suite, titles]) =>
    titles.map(title => [line, suite, title] as const),
  ),
);

describe('attack catalogue', () => {
  it('has lines in order, the first 30 without a gap, each with a suite', () => {
    const lines = catalogue.map(({ line }) => line);
    expect(lines.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
    expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b));
    for (const { tests } of catalogue) expect(Object.values(tests).flat()).not.toEqual([]);
  });

  it.each(suites)('line %d is covered by a test of %s: %j', (_, suite, title) => {
    const file = `../${suite}.spec.ts`;
    expect(existsSync(new URL(file, import.meta.url))).toBe(true);
    const start = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    expect(read(file)).toMatch(new RegExp(`[(,]\\s*['"\`]${start}`));
  });

  it('includes every attack suite', () => {
    const own = readdirSync(new URL('.', import.meta.url)).filter(name =>
      name.endsWith('.spec.ts'),
    );
    const named = new Set(suites.map(([, suite]) => `${suite}.spec.ts`));
    expect(own.filter(name => !named.has(`attack/${name}`))).toEqual(['catalogue.spec.ts']);
  });
});
