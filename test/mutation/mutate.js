// Mutation testing of the pure cores: each mutant must make a test fail. Prints the score and every survivor.
// Usage: npm run mutate [groups of settings.js, or parts of files' names] [1/5]; mutants by Stryker's instrumenter, tried in one
// process after another, in an order that is random but always the same. `1/5` tries a fifth of them.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { instrument } from './instrument.js';
import { filesOf, GROUPS, MIN_SCORE } from './settings.js';

/** A long timeout, because a nice process may wait on a busy machine. Endless loops are found by counting. */
const TIMEOUT = 120_000;

setPriority(5);
const SAMPLE = /^(\d+)\/(\d+)$/;
const wanted = process.argv.slice(2).filter(name => !SAMPLE.test(name));
const [, part, parts] = (process.argv.find(name => SAMPLE.test(name)) ?? '1/1')
  .match(SAMPLE)
  .map(Number);
const tried = [];
// A run that takes too long still prints what it has found.
process.on('SIGTERM', () => {
  console.log(`ended after ${tried.length} mutants`);
  report(tried);
  process.exit(1);
});
for (const group of Object.keys(GROUPS)) {
  const files = filesOf(group, wanted);
  if (files.length > 0) await tryGroup(group, files);
}
report(tried);

/** Tries the mutants of the files. Each gets its group and its status. */
async function tryGroup(group, files) {
  const mutants = inRandomOrder(await instrument(files));
  const sample = mutants.filter((_, index) => index % parts === part - 1);
  let worker = start();
  const { failed, tests, atLoad, hits } = await ask(
    worker,
    { command: 'cover', group },
    5 * TIMEOUT,
  );
  if (failed.length > 0) throw new Error(`fails without any mutant:\n${failed.join('\n')}`);
  console.log(`${group}: ${sample.length} of ${mutants.length} mutants, ${tests.length} tests`);

  // Quick tests first, and of those the ones that reach little: they are about this code.
  const costOf = ({ time, mutants }) => time * mutants.length;
  const quickFirst = tests.toSorted((a, b) => costOf(a) - costOf(b));
  const times = tests.map(({ id, time }) => [id, time]);
  const isStatic = new Set(atLoad);
  for (const mutant of sample) {
    // Code that runs when a module is loaded affects all tests of that module.
    const reaching = isStatic.has(mutant.id)
      ? new Set(mutants.filter(({ file }) => file === mutant.file).map(({ id }) => id))
      : new Set([mutant.id]);
    const covering = quickFirst.filter(test => test.mutants.some(id => reaching.has(id)));
    mutant.group = group;
    mutant.status = covering.length === 0 ? 'not covered' : await outcomeOf(mutant, covering);
    tried.push(mutant);
    if (process.stderr.isTTY || process.env.PROGRESS)
      process.stderr.write(mutant.status === 'killed' ? '.' : `[${mutant.id} ${mutant.status}]`);
  }
  worker.disconnect();

  async function outcomeOf({ id }, covering) {
    const question = {
      command: 'try',
      id,
      isStatic: isStatic.has(id),
      ids: covering.map(test => test.id),
      files: [...new Set(covering.map(({ file }) => file))],
    };
    try {
      return (await ask(worker, question, TIMEOUT)).status;
    } catch {
      worker.kill('SIGKILL');
      worker = start();
      await ask(worker, { command: 'resume', group, hits, times }, 5 * TIMEOUT);
      return 'timed out';
    }
  }
}

/** Mixes all files, so that a part, or a run that is ended early, is a fair sample. */
function inRandomOrder(mutants) {
  const rank = ({ id }) => Math.imul(Number(id) + 1, 0x9e3779b1) >>> 0;
  return mutants.toSorted((a, b) => rank(a) - rank(b));
}

function start() {
  return fork(new URL('./worker.js', import.meta.url), {
    // Packages that only have ES modules need this condition.
    // The library logs what mutants break.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--conditions=import', '--disable-warning=ExperimentalWarning'],
  });
}

function ask(worker, question, timeout) {
  return new Promise((resolve, reject) => {
    const end = settle => result => {
      clearTimeout(timer);
      worker.off('message', answer).off('exit', fail);
      settle(result);
    };
    const answer = end(resolve);
    const fail = end(() => reject(new Error('the worker gives no answer')));
    const timer = setTimeout(fail, timeout);
    worker.once('message', answer).once('exit', fail);
    worker.send(question);
  });
}

function report(mutants) {
  const left = mutants
    .filter(mutant => !isFoundOut(mutant))
    .toSorted(
      (a, b) => a.file.localeCompare(b.file) || a.location.start.line - b.location.start.line,
    );
  for (const { file, location, mutator, replacement, status } of left) {
    const { start, end } = location;
    const line = readFileSync(file, 'utf8').split('\n')[start.line];
    console.log(`${file}:${start.line + 1}:${start.column + 1} ${status}, ${mutator}`);
    console.log(
      `  - ${line.slice(start.column, end.line === start.line ? end.column : undefined).trim()}`,
    );
    console.log(`  + ${replacement.replace(/\s+/g, ' ').slice(0, 120)}`);
  }
  for (const key of ['file', 'group'])
    for (const name of new Set(mutants.map(mutant => mutant[key]))) {
      const own = mutants.filter(mutant => mutant[key] === name);
      console.log(`${scoreOf(own).padStart(8)} of ${own.length} in ${name}`);
    }
  const late = mutants.filter(({ status }) => status === 'timed out');
  console.log(`${late.length} of them by a time limit, which a busy machine exceeds sooner`);
  console.log(
    `${scoreOf(mutants)} of ${mutants.length} mutants found out (at least ${MIN_SCORE} %)`,
  );
  process.exitCode = left.length > (mutants.length * (100 - MIN_SCORE)) / 100 ? 1 : 0;
}

function scoreOf(all) {
  return `${((all.filter(isFoundOut).length / all.length) * 100).toFixed(1)} %`;
}

function isFoundOut({ status }) {
  return status === 'killed' || status === 'timed out';
}
