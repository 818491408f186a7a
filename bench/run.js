// Runs the comparisons, one after the other, and says what of what was aimed at is met. Everything goes to a file, too,
// as JSON: build/bench.json, where no other is named. What else is given is handed to each comparison.
// Usage: npm run bench -- [--full] [--json] [--only end-to-end,signatures] [--out file] [--rounds n] …
import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './measuring/machine.js';
import { showTargets } from './measuring/report.js';

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
const FULL = [...SHORT, 'two-nodes', 'slow-reader'];

const { values } = parseArgs({
  strict: false,
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: 'build/bench.json' },
  },
});
const names = values.only?.split(',') ?? (values.full ? FULL : SHORT);
const log = values.json ? console.error : console.log;

const machine = describeMachine();
log(machine);
const comparisons = {};
for (const name of names)
  try {
    comparisons[name] = await run(name);
  } catch (error) {
    // The others are worth having all the same.
    console.error(error.message);
    process.exitCode = 1;
  }

const targets = Object.values(comparisons).flatMap(({ targets = [] }) => targets);
showTargets(targets, log);
const report = { machine, mode: values.full ? 'full' : 'short', targets, comparisons };
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
if (values.json) console.log(JSON.stringify(report));

/** @returns what the comparison reports */
function run(name) {
  return new Promise((resolve, reject) => {
    let report;
    const child = fork(new URL(`./${name}.js`, import.meta.url), process.argv.slice(2), {
      stdio: ['ignore', values.json ? 2 : 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', message => (report = message));
    child.on('exit', code => {
      if (report) resolve(report);
      else reject(new Error(`${name} ended with ${code}`));
    });
  });
}
