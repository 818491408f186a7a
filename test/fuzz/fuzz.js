// Coverage-guided fuzzing of everything between the bytes of a frame and a verified event: what reaches code that
// nothing reached before becomes a seed of its own. Coverage is V8's, asked for once per batch.
// Usage: npm run fuzz [seconds, 60] [seed]; a crash writes its input to build/ and exits 1.
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { mutate, randomOf, SEEDS } from './mutate.js';
import { take } from './target.js';

const [seconds = 60, seed = Date.now() % 2 ** 32] = process.argv.slice(2).map(Number);
/** Asking V8 walks the heap: the more has been reached already, the more inputs are run for one question. */
const MAX_BATCH = 16_384;
/** Of so few one is worth keeping; which of them is not worth finding out. */
const FEW = 8;
/** What no input may need, in milliseconds of CPU time: the process itself may be stopped for longer. */
const BUDGET = 100;
const MAX_CORPUS = 5_000;

const random = randomOf(seed);
const corpus = [...SEEDS];
const outcomes = new Map();
const slowest = { milliseconds: 0, text: '' };
let inputs = 0;
const coverage = startCoverage();

const started = performance.now();
for (const text of SEEDS) run(text);
coverage.look();
for (
  let size = 64;
  performance.now() - started < seconds * 1000;
  size = Math.min(2 * size, MAX_BATCH)
) {
  probe(Array.from({ length: size }, () => mutate(anySeed(), anySeed(), random)));
}
report();

/** Runs inputs, and keeps those that reach what nothing before them did: found by halving. */
function probe(batch) {
  for (const text of batch) {
    run(text);
    if (performance.now() - started > seconds * 1000) return;
  }
  const before = coverage.look();
  if (!before) return;
  if (batch.length <= FEW) {
    if (corpus.length < MAX_CORPUS) corpus.push(...batch);
    return;
  }
  coverage.seen = before;
  const half = Math.ceil(batch.length / 2);
  probe(batch.slice(0, half));
  probe(batch.slice(half));
}

/** One of those to begin with, of all, or of the latest, which have not been looked into yet. */
function anySeed() {
  const from = [0, 0, Math.max(0, corpus.length - 16)][random(3)];
  const of = random(2) ? SEEDS.length : corpus.length;
  return corpus[from + random(Math.max(1, of - from))];
}

function run(text) {
  inputs++;
  const before = performance.now();
  let outcome;
  try {
    outcome = take(text, inputs % 2 === 0);
  } catch (error) {
    fail('crash', text, error);
  }
  const milliseconds = performance.now() - before;
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  // An input that is slow once may have met the garbage collector; one that is slow again is slow.
  if (milliseconds <= slowest.milliseconds) return;
  const again = Math.min(milliseconds, timeOf(text), timeOf(text));
  if (again > slowest.milliseconds) Object.assign(slowest, { milliseconds: again, text });
  if (again > BUDGET) fail('slow', text, new Error(`took ${again.toFixed(1)} ms`));
}

/** In milliseconds of CPU time: on a busy machine a process does not run all the time. */
function timeOf(text) {
  const before = process.cpuUsage();
  take(text, inputs % 2 === 0);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function fail(kind, text, error) {
  mkdirSync('build', { recursive: true });
  const file = `build/fuzz-${kind}-${inputs}.txt`;
  writeFileSync(file, text);
  console.error(`${kind} by input ${inputs} of seed ${seed}, written to ${file}:`, error);
  process.exit(1);
}

function report() {
  const { milliseconds, text } = slowest;
  console.log(
    `inputs: ${inputs} in ${((performance.now() - started) / 1000).toFixed(0)} s, seed ${seed}`,
  );
  console.log(`crashes: 0; blocks of code reached: ${coverage.size}; corpus: ${corpus.length}`);
  console.log(
    `slowest: ${milliseconds.toFixed(3)} ms, ${text.length} characters: ${JSON.stringify(text.slice(0, 120))}`,
  );
  for (const [outcome, count] of [...outcomes].sort((a, b) => b[1] - a[1]))
    console.log(`  ${count} ${outcome}`);
}

/** Which blocks of the library have run. */
function startCoverage() {
  const session = new Session();
  session.connect();
  const post = (method, parameters) => {
    let answer;
    session.post(method, parameters, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  };
  post('Profiler.enable');
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return {
    seen: new Set(),
    get size() {
      return this.seen.size;
    },
    /** What had run before, if since it was last asked anything did for the first time. */
    look() {
      const before = new Set(this.seen);
      for (const { url, functions } of post('Profiler.takePreciseCoverage').result) {
        if (!url.includes('/build/js/')) continue;
        for (const { ranges } of functions)
          for (const { startOffset, endOffset, count } of ranges)
            if (count > 0) this.seen.add(`${url}:${startOffset}-${endOffset}`);
      }
      return this.seen.size > before.size ? before : undefined;
    },
  };
}
