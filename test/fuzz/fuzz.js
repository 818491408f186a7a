// Coverage-guided fuzzing of the code between the bytes of a frame and a verified event. An input that reaches new code
// becomes a seed. The coverage is V8's, read once per batch.
// Usage: npm run fuzz [seconds, 60] [seed]; a crash writes its input to build/ and exits 1.
//        npm run fuzz -- handshakes [seconds, 20] [seed]: hostile handshakes, by handshakes.js
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { fuzzHandshakes } from './handshakes.js';
import { mutate, randomOf, SEEDS } from './mutate.js';
import { take } from './target.js';

if (process.argv[2] === 'handshakes') {
  await fuzzHandshakes(...process.argv.slice(3).map(Number));
  process.exit();
}

const [seconds = 60, seed = Date.now() % 2 ** 32] = process.argv.slice(2).map(Number);
/** The maximum batch. Reading the coverage walks the heap, so batches grow with the code that was reached. */
const MAX_BATCH = 16_384;
/** If so few inputs are left, keep one without a further search. */
const FEW = 8;
/** The CPU time budget of an input, in milliseconds. The clock would count other processes, too. */
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

/** Runs inputs and keeps those that reach new code. It finds them by halving. */
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

/** Returns a seed: one of the initial ones, of all, or of the latest, which were explored least. */
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
  // A single slow run may be caused by the garbage collector. Repeat it.
  if (milliseconds <= slowest.milliseconds) return;
  const again = Math.min(milliseconds, timeOf(text), timeOf(text));
  if (again > slowest.milliseconds) Object.assign(slowest, { milliseconds: again, text });
  if (again > BUDGET) fail('slow', text, new Error(`took ${again.toFixed(1)} ms`));
}

/** Returns the CPU time of an input in milliseconds. */
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

/** Returns the blocks of the library that have run. */
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
    /** Returns the coverage so far, if a new block has run since the last call. */
    look() {
      const before = new Set(this.seen);
      for (const { url, functions } of post('Profiler.takePreciseCoverage').result) {
        if (!url.includes('/dist/')) continue;
        for (const { ranges } of functions)
          for (const { startOffset, endOffset, count } of ranges)
            if (count > 0) this.seen.add(`${url}:${startOffset}-${endOffset}`);
      }
      return this.seen.size > before.size ? before : undefined;
    },
  };
}
