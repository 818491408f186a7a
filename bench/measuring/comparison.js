// What every comparison has in common: its arguments, and how its results are shown and handed on.
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.js';
import { show } from './report.js';

/**
 * Runs the comparison of a file, if that file is what was started.
 *
 * @param meta `import.meta` of the file
 * @param sizes how much is measured, by name: `{ rounds: { short: 5, full: 15 }, … }`; each can be given as an argument.
 *   `seconds`, the time after which no more rounds are begun than are needed, has a default
 * @param measure measures, given the options, and returns what `show` shows
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
  // The standard output is for JSON alone, where that is asked for.
  const log = options.json ? console.error : console.log;
  if (!process.send) log(machine);
  show(results, log);
  if (process.send) process.send(report, () => process.exit());
  else {
    if (options.json) console.log(JSON.stringify(report));
    process.exit();
  }
}

/** The short form is to be short on a slow machine, too. */
const SECONDS = { short: 8, full: Infinity };

const COMMON = {
  full: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  input: { type: 'string' },
  server: { type: 'string' },
  telemetry: { type: 'string' },
};

function optionsOf(sizes) {
  const names = Object.keys(sizes).map(name => [name, { type: 'string' }]);
  // The runner hands everything to everybody.
  const { values } = parseArgs({
    options: { ...COMMON, ...Object.fromEntries(names) },
    strict: !process.send,
  });
  for (const [name, size] of Object.entries(sizes))
    values[name] = Number(values[name] ?? (values.full ? size.full : size.short));
  return values;
}
