import { readFileSync } from 'node:fs';

const page = readFileSync('docs/redis.md', 'utf8');
const rows = page
  .split('\n')
  .filter(line => line.includes('.spec.ts`') && line.startsWith('|'))
  .map(line => line.split('|').at(-2) ?? '');
const named = rows.flatMap(cell =>
  [...cell.matchAll(/`([\w-]+\.spec\.ts)`: ([^|`]+)/g)].flatMap(([, file, titles]) =>
    titles!.split(';').map(title => ({ file: file!, title: title.trim() })),
  ),
);

describe('the table of faults in docs/redis.md', () => {
  it('names tests in each row', () => {
    const faults = page.split('\n').filter(line => /^\| .*\| (yes)? +\| yes +\| /.test(line));
    expect(rows.length).toBe(faults.length);
  });

  it.each(named.filter(({ title }) => title !== ''))(
    '$file has a test: $title',
    ({ file, title }) => {
      expect(readFileSync(`test/redis/${file}`, 'utf8')).toContain(title);
    },
  );
});
