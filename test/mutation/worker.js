// Tries mutants one after the other, on command. The parent kills it if it does not answer.
import 'reflect-metadata';
import { loadTests, suitesOf } from './suite.js';

/** The CPU time budget of a mutant, in milliseconds. Quick tests run first. */
const BUDGET = 4_000;

/** The maximum number of times a test may reach a mutant. Far more than without the mutant means an endless loop. */
const hitLimit = hits => 1_000 + 20 * hits;
const MANY = 100_000;

/** The time that a test may take without a mutant, in milliseconds. A test that takes longer is reported by its name. */
const LONGEST = 60_000;

/** The time that a test may wait for what a mutant keeps from happening, in milliseconds. */
const PATIENCE = 3_000;
const { setTimeout: later, clearTimeout: cancel } = globalThis;

const state = (globalThis.__stryker__ = {});
let tests = [];
/** The number of times each test reaches each mutant. */
let hits = {};
/** The time that each test takes without a mutant, in milliseconds. */
let timeOf = new Map();

const commands = {
  /** Finds the mutants that each test reaches, and those that run when a module is loaded. */
  async cover({ group }) {
    tests = loadTests(suitesOf(group));
    const failed = [];
    for (const test of tests) {
      state.currentTestId = test.id;
      const started = performance.now();
      await endsIn(LONGEST, test).then(
        hasEnded => hasEnded || failed.push(`${test.id}: takes longer than ${LONGEST} ms`),
        error => failed.push(`${test.id}: ${error}`),
      );
      timeOf.set(test.id, performance.now() - started);
    }
    state.currentTestId = undefined;
    const { perTest = {}, static: atLoad = {} } = state.mutantCoverage ?? {};
    hits = perTest;
    return {
      failed,
      tests: tests.map(({ id, file }) => ({
        id,
        file,
        time: timeOf.get(id),
        mutants: Object.keys(perTest[id] ?? {}),
      })),
      atLoad: Object.keys(atLoad),
      hits,
    };
  },

  /** Takes the place of a worker that was killed. */
  async resume(given) {
    tests = loadTests(suitesOf(given.group));
    hits = given.hits;
    timeOf = new Map(given.times);
    return {};
  },

  /** Returns whether one of the tests, in the given order, fails with a mutant. */
  async try({ id, isStatic, ids, files }) {
    Object.assign(state, { activeMutant: id, hitCount: 0, hitLimit: hitLimit(MANY) });
    try {
      const all = isStatic ? loadTests(files) : tests;
      const byId = new Map(all.map(test => [test.id, test]));
      const before = process.cpuUsage();
      for (const name of ids) {
        state.hitCount = 0;
        state.hitLimit = hitLimit(hits[name]?.[id] ?? MANY);
        if (!(await endsIn(PATIENCE + 20 * timeOf.get(name), byId.get(name))))
          return { status: 'timed out' };
        if (process.cpuUsage(before).user / 1000 > BUDGET && name !== ids.at(-1))
          return { status: 'survived the first tests' };
      }
      return { status: 'survived' };
    } catch {
      return { status: 'killed' };
    } finally {
      state.activeMutant = undefined;
    }
  },
};

async function endsIn(time, test) {
  let timer;
  const timeout = new Promise(end => (timer = later(() => end(false), time)));
  try {
    return await Promise.race([test.run().then(() => true), timeout]);
  } finally {
    cancel(timer);
  }
}

process.on('unhandledRejection', () => {});
process.on('message', async ({ command, ...given }) =>
  process.send(await commands[command](given)),
);
process.on('disconnect', () => process.exit());
