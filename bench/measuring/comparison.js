// The common part of all comparisons: arguments, output and reports.
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.js';
import { show } from './report.js';

/**
 * Runs the comparison of a file, if that file is the main module.
 *
 * @param meta `import.meta` of the file
 * @param sizes the amounts to measure, by name: `{ rounds: { short: 5, full: 15 }, … }`. Each can be set by an argument.
 * `seconds` has a default: after that time no more than the required rounds are started.
 * @param measure measures with the given options, and returns the report for `show`
 */
export async function comparison(meta, sizes, measure) {
  if (process.argv[1] !== meta.filename) return;
  const options = optionsOf({ seconds: SECONDS, ...sizes });
  const machine = describeMachine();
  const startedAt = performance.now();
  const until = startedAt + options.seconds * 1000;
  const results = await measure({ ...options, until });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const report = { machine, options, seconds, ...results };
  // With --json the standard output contains JSON only.
  const log = options.json ? console.error : console.log;
  if (!process.send) log(machine);
  show(results, log);
  if (process.send) process.send(report, () => process.exit());
  else {
    if (options.json) console.log(JSON.stringify(report));
    process.exit();
  }
}

/** The time limit, so that the short form is short on a slow machine, too. */
const SECONDS = { short: 8, full: Infinity };

const COMMON = {
  full: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  detail: { type: 'boolean', default: false },
  input: { type: 'string' },
  server: { type: 'string' },
  telemetry: { type: 'string' },
};

function optionsOf(sizes) {
  const names = Object.keys(sizes).map(name => [name, { type: 'string' }]);
  // The runner passes all arguments to every comparison.
  const { values } = parseArgs({
    options: { ...COMMON, ...Object.fromEntries(names) },
    strict: !process.send,
  });
  for (const [name, size] of Object.entries(sizes))
    values[name] = Number(values[name] ?? (values.full ? size.full : size.short));
  return values;
}
