// Tries mutants one after the other, as it is told. It can hang, and is killed then.
import 'reflect-metadata';
import { loadTests } from './suite.js';

/** What one mutant may cost, in milliseconds of CPU time: the quick tests are tried first. */
const BUDGET = 2_000;

/** How often a test may come by a mutant: far more than without it, and it is in a loop without end. */
const hitLimit = hits => 1_000 + 20 * hits;
const MANY = 100_000;

const state = (globalThis.__stryker__ = {});
let tests = [];
/** How often each test comes by each mutant. */
let hits = {};

const commands = {
  /** Which mutants each test comes by, and which are evaluated when a module is loaded. */
  async cover() {
    tests = loadTests();
    const timeOf = new Map();
    const failed = [];
    for (const test of tests) {
      state.currentTestId = test.id;
      const started = process.cpuUsage();
      await test.run().catch(error => failed.push(`${test.id}: ${error}`));
      timeOf.set(test.id, process.cpuUsage(started).user / 1000);
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
    };
  },

  /** Whether one of some tests, in the order given, fails with a mutant in place. */
  async try({ id, isStatic, ids, files }) {
    Object.assign(state, { activeMutant: id, hitCount: 0, hitLimit: hitLimit(MANY) });
    try {
      const all = isStatic ? loadTests(files) : tests;
      const byId = new Map(all.map(test => [test.id, test]));
      const before = process.cpuUsage();
      for (const name of ids) {
        state.hitCount = 0;
        state.hitLimit = hitLimit(hits[name]?.[id] ?? MANY);
        await byId.get(name)?.run();
        if (process.cpuUsage(before).user / 1000 > BUDGET) break;
      }
      return { status: 'survived' };
    } catch {
      return { status: 'killed' };
    } finally {
      state.activeMutant = undefined;
    }
  },
};

process.on('message', async ({ command, ...given }) =>
  process.send(await commands[command](given)),
);
process.on('disconnect', () => process.exit());
