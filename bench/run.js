// Runs the comparisons one after the other and prints their tables and targets. All figures also go to a file as JSON:
// build/bench.json, unless --out names another. Other arguments are passed on to each comparison.
//
//   npm run bench -- [--full] [--json] [--only end-to-end,signatures] [--out file] [--rounds n] …
//   npm run bench -- --node /path/to/node-22,/path/to/node-24    each comparison by each Node, targets side by side
//   npm run bench -- --pair ../old ../new [--pairs 5]            two built checkouts, round by round
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './measuring/machine.js';
import { showTable, showTargets } from './measuring/report.js';
import { median } from './measuring/rounds.js';

const SHORT = [
  'end-to-end',
  'signatures',
  'limits',
  'nonces',
  'refusals',
  'idle-connections',
  'fan-out',
  'matching',
];
const FULL = [...SHORT, 'two-nodes', 'shared-limits', 'masters', 'slow-reader'];
const HERE = resolve(import.meta.dirname, '..');

const { values, positionals } = parseArgs({
  strict: false,
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: 'build/bench.json' },
    node: { type: 'string' },
    pair: { type: 'string' },
    pairs: { type: 'string', default: '5' },
  },
});
const names = values.only?.split(',') ?? (values.full ? FULL : SHORT);
const log = values.json ? console.error : console.log;

const machine = describeMachine();
log(machine);
const mode = values.full ? 'full' : 'short';
const report = { machine, mode, ...(await (values.pair ? comparePair() : compareVersions())) };
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
if (values.json) console.log(JSON.stringify(report));

/** Runs every comparison by each version of Node, and shows its targets in a column for each. */
async function compareVersions() {
  const paths = values.node?.split(',') ?? [process.execPath];
  const versions = [];
  for (const execPath of paths) {
    const node = execFileSync(execPath, ['--version'], { encoding: 'utf8' }).trim();
    if (paths.length > 1) log(`\nNode ${node}`);
    const comparisons = {};
    for (const name of names)
      comparisons[name] = await run(name, { root: HERE, execPath }).catch(failed);
    const targets = targetsOf(comparisons);
    versions.push({ node, targets, comparisons });
  }
  const [{ targets, comparisons }] = versions;
  if (versions.length === 1) {
    showTargets(targets, log);
    return { targets, comparisons };
  }
  showTable(
    'Targets by version of Node',
    targets.map(({ what, target }) => ({
      what,
      target,
      ...Object.fromEntries(
        versions.map(version => [
          version.node,
          version.targets.find(found => found.what === what)?.figure,
        ]),
      ),
    })),
    log,
  );
  return { versions };
}

/** Runs every comparison in both checkouts by turns. What disturbs the machine for long disturbs both. */
async function comparePair() {
  const [before, after] = [values.pair, positionals[0]].map(path => resolve(`${path}`));
  const figures = new Map();
  for (const name of names)
    for (let round = 0; round < Number(values.pairs); round++) {
      const order = round % 2 === 0 ? [before, after] : [after, before];
      for (const root of order) {
        const comparison = await run(name, { root, execPath: process.execPath, quiet: true });
        for (const { what, figure } of comparison.targets ?? []) {
          const found = figures.get(what) ?? { before: [], after: [] };
          found[root === before ? 'before' : 'after'].push(figure);
          figures.set(what, found);
        }
      }
      log(`${name}: round ${round + 1} of ${values.pairs}`);
    }
  const pairs = [...figures].map(([what, found]) => {
    const ratios = found.after.map((figure, round) => figure / found.before[round]);
    return {
      what,
      before: median(found.before),
      after: median(found.after),
      'after / before': median(ratios),
      least: Math.min(...ratios),
      most: Math.max(...ratios),
    };
  });
  showTable('Two checkouts, medians over rounds', pairs, log);
  return { pairs };
}

function targetsOf(comparisons) {
  return Object.values(comparisons).flatMap(comparison => comparison?.targets ?? []);
}

/** The other comparisons are useful without this one. */
function failed(error) {
  console.error(error.message);
  process.exitCode = 1;
}

/** @returns the report of a comparison */
function run(name, { root, execPath, quiet = false }) {
  return new Promise((done, reject) => {
    let result;
    const output = quiet ? 'ignore' : values.json ? 2 : 'inherit';
    const args = quiet ? ['--rounds', '1', ...process.argv.slice(2)] : process.argv.slice(2);
    const child = fork(resolve(root, `bench/${name}.js`), args, {
      cwd: root,
      execPath,
      stdio: ['ignore', output, 'inherit', 'ipc'],
    });
    child.on('message', message => (result = message));
    child.on('exit', code => {
      if (result) done(result);
      else reject(new Error(`${name} ended with ${code}`));
    });
  });
}
