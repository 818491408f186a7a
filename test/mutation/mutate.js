// Mutation testing of the pure cores: each mutant must make a test fail. Prints the score and every survivor.
// Usage: npm run mutate [a part of a file's name]; mutants by Stryker's instrumenter, tried in one process after another.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { instrument } from './instrument.js';
import { MIN_SCORE, MUTATED } from './settings.js';

/** Long, because a busy machine lets a nice process wait: loops without end are found by counting. */
const TIMEOUT = 120_000;

setPriority(5);
const part = process.argv[2] ?? '';
const mutants = await instrument(MUTATED.filter(name => name.includes(part)));
let worker = start();
const { failed, tests, atLoad } = await ask({ command: 'cover' }, 2 * TIMEOUT);
if (failed.length > 0) throw new Error(`fails without any mutant:\n${failed.join('\n')}`);
console.log(`${mutants.length} mutants, ${tests.length} tests`);

const testsOf = new Map();
for (const { id, mutants: covered } of tests.toSorted((a, b) => a.time - b.time))
  for (const mutant of covered) testsOf.set(mutant, [...(testsOf.get(mutant) ?? []), id]);
const isStatic = new Set(atLoad);

for (const mutant of mutants) {
  // What a module does when it is loaded is felt by all tests that come by anything in it.
  const ids = isStatic.has(mutant.id) ? testsOfFile(mutant.file) : (testsOf.get(mutant.id) ?? []);
  if (ids.length === 0) mutant.status = 'not covered';
  else mutant.status = await outcomeOf(mutant, ids);
  if (process.stderr.isTTY || process.env.PROGRESS)
    process.stderr.write(mutant.status === 'killed' ? '.' : `[${mutant.id} ${mutant.status}]`);
}
worker.disconnect();
report();

function testsOfFile(file) {
  const all = new Set(
    mutants.filter(mutant => mutant.file === file).flatMap(({ id }) => testsOf.get(id) ?? []),
  );
  return tests
    .toSorted((a, b) => a.time - b.time)
    .map(({ id }) => id)
    .filter(id => all.has(id));
}

function filesOf(ids) {
  const named = new Set(ids);
  return [...new Set(tests.filter(({ id }) => named.has(id)).map(({ file }) => file))];
}

async function outcomeOf({ id }, ids) {
  try {
    return (
      await ask(
        { command: 'try', id, isStatic: isStatic.has(id), ids, files: filesOf(ids) },
        TIMEOUT,
      )
    ).status;
  } catch {
    worker.kill('SIGKILL');
    worker = start();
    await ask({ command: 'cover' }, 2 * TIMEOUT);
    return 'timed out';
  }
}

function start() {
  return fork(new URL('./worker.js', import.meta.url), {
    // Packages that are ES modules only say so by this condition.
    execArgv: ['--conditions=import', '--disable-warning=ExperimentalWarning'],
  });
}

async function ask(question, timeout) {
  worker.send(question);
  const [answer] = await once(worker, 'message', { signal: AbortSignal.timeout(timeout) });
  return answer;
}

function report() {
  const left = mutants.filter(({ status }) => status === 'survived' || status === 'not covered');
  for (const { file, location, mutator, replacement, status } of left) {
    const { start, end } = location;
    const line = readFileSync(file, 'utf8').split('\n')[start.line];
    console.log(`${file}:${start.line + 1}:${start.column + 1} ${status}, ${mutator}`);
    console.log(
      `  - ${line.slice(start.column, end.line === start.line ? end.column : undefined).trim()}`,
    );
    console.log(`  + ${replacement.replace(/\s+/g, ' ').slice(0, 120)}`);
  }
  for (const file of new Set(mutants.map(mutant => mutant.file))) {
    const own = mutants.filter(mutant => mutant.file === file);
    console.log(`${scoreOf(own).padStart(8)} of ${own.length} in ${file}`);
  }
  console.log(
    `${scoreOf(mutants)} of ${mutants.length} mutants found out (at least ${MIN_SCORE} %)`,
  );
  process.exitCode = left.length > (mutants.length * (100 - MIN_SCORE)) / 100 ? 1 : 0;
}

function scoreOf(all) {
  const found = all.filter(({ status }) => status === 'killed' || status === 'timed out').length;
  return `${((found / all.length) * 100).toFixed(1)} %`;
}
