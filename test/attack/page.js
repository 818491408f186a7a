// Writes docs/attacks.md: each attack of the catalogue, with its tests and their results.
// Usage: npm run attack-page [the JSON of a finished jest run]
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
const catalogue = JSON.parse(readFileSync(join(root, 'test/attack/catalogue.json'), 'utf8'));
const results = process.argv[2] ? resultsOf(process.argv[2]) : run();

const lines = catalogue.map(({ line, attack, tests }) => {
  const held = Object.entries(tests).flatMap(([suite, titles]) => {
    const all = results.get(`test/${suite}.spec.ts`) ?? [];
    return titles.flatMap(title => {
      const named = all.filter(test => title === '' || startsWith(test, title));
      return named.length > 0
        ? named.map(test => ({ suite, ...test }))
        : [{ suite, title: `${title}…`, status: 'missing' }];
    });
  });
  return { line, attack, tests: held, isHeld: held.every(({ status }) => status === 'passed') };
});
const open = lines.filter(({ isHeld }) => !isHeld);
const total = lines.reduce((sum, { tests }) => sum + tests.length, 0);

mkdirSync(join(root, 'docs'), { recursive: true });
writeFileSync(join(root, 'docs/attacks.md'), page());
console.log(
  `docs/attacks.md: ${lines.length} attacks, ${open.length} with failed tests, ${total} tests`,
);
for (const { line, tests } of open)
  for (const { suite, title, status } of tests)
    if (status !== 'passed') console.log(`attack ${line}: ${status}: ${suite}: ${title}`);
process.exitCode = open.length > 0 ? 1 : 0;

/** Runs only the suites of the catalogue. */
function run() {
  const directory = mkdtempSync(join(tmpdir(), 'semantic-events-attacks-'));
  try {
    const file = join(directory, 'results.json');
    const suites = [...new Set(catalogue.flatMap(({ tests }) => Object.keys(tests)))];
    const paths = suites.map(suite => `test/${suite}.spec.ts`);
    const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    spawnSync(
      process.execPath,
      [
        ...jest,
        'node_modules/jest/bin/jest.js',
        '--json',
        `--outputFile=${file}`,
        '--runTestsByPath',
        ...paths,
      ],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    return resultsOf(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function resultsOf(file) {
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(
    testResults.map(({ name, assertionResults }) => [
      name.slice(name.lastIndexOf('/test/') + 1),
      assertionResults.map(({ ancestorTitles, title, status }) => ({
        names: [...ancestorTitles, title],
        title: [...ancestorTitles, title].join(' › '),
        status,
      })),
    ]),
  );
}

function startsWith({ names }, title) {
  return names.some(name => name.startsWith(title));
}

function page() {
  const row = ({ line, attack, tests, isHeld }) =>
    `| [${line}](#attack-${line}) | ${attack} | ${tests.length} | ${isHeld ? 'passed' : 'FAILED'} |`;
  const section = ({ line, attack, tests }) =>
    [
      `## Attack ${line}`,
      '',
      `${attack[0].toUpperCase()}${attack.slice(1)}.`,
      '',
      ...tests.map(({ suite, title, status }) => `- ${status}: \`${suite}\` ${plain(title)}`),
    ].join('\n');
  return `${[
    '# Attacks and their tests',
    '',
    'This page lists what an attacker tries, and the tests that prove the protection. `npm run attack-page` writes it from a test run. Do not edit it.',
    '',
    `${total} tests cover ${lines.length} attacks. For ${lines.length - open.length} of these attacks, all tests passed.`,
    '',
    '| number | attack | tests | result |',
    '| --- | --- | --- | --- |',
    ...lines.map(row),
    '',
    lines.map(section).join('\n\n'),
  ].join('\n')}\n`;
}

/** Escapes a title, because hostile values in titles must not become markup. */
function plain(text) {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return (
    shown
      // eslint-disable-next-line no-control-regex -- control characters are what it looks for
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, '�')
      .replace(/[\\`*_[\]<>|]/g, '\\$&')
  );
}
