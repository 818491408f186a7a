import { existsSync, readdirSync, readFileSync } from 'node:fs';

interface Line {
  line: number;
  attack: string;
  /** Suites, and how the titles start that hold the line; an empty one stands for the whole suite. */
  tests: Record<string, string[]>;
}

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const catalogue = JSON.parse(read('./catalogue.json')) as Line[];
const suites = catalogue.flatMap(({ line, tests }) =>
  Object.entries(tests).flatMap(([suite, titles]) =>
    titles.map(title => [line, suite, title] as const),
  ),
);

describe('the catalogue of attacks', () => {
  it('has its 30 lines, each with a suite', () => {
    expect(catalogue.map(({ line }) => line)).toEqual(
      Array.from({ length: 30 }, (_, at) => at + 1),
    );
    for (const { tests } of catalogue) expect(Object.values(tests).flat()).not.toEqual([]);
  });

  it.each(suites)('line %d is held by a test of %s: %j', (_, suite, title) => {
    const file = `../${suite}.spec.ts`;
    expect(existsSync(new URL(file, import.meta.url))).toBe(true);
    const start = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    expect(read(file)).toMatch(new RegExp(`[(,]\\s*['"\`]${start}`));
  });

  it('names every suite of attacks', () => {
    const own = readdirSync(new URL('.', import.meta.url)).filter(name =>
      name.endsWith('.spec.ts'),
    );
    const named = new Set(suites.map(([, suite]) => `${suite}.spec.ts`));
    expect(own.filter(name => !named.has(`attack/${name}`))).toEqual(['catalogue.spec.ts']);
  });
});
