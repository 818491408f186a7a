// Tries mutants one after the other, as it is told. It can hang, and is killed then.
import 'reflect-metadata';
import { loadTests } from './suite.js';

/** How often one mutant may be come by: what goes on for longer is a loop without end. */
const HIT_LIMIT = 2_000_000;

const state = (globalThis.__stryker__ = {});
let tests = [];

const commands = {
  /** Which mutants each test comes by, and which are evaluated when a module is loaded. */
  async cover() {
    tests = loadTests();
    const timeOf = new Map();
    const failed = [];
    for (const test of tests) {
      state.currentTestId = test.id;
      const started = performance.now();
      await test.run().catch(error => failed.push(`${test.id}: ${error}`));
      timeOf.set(test.id, performance.now() - started);
    }
    state.currentTestId = undefined;
    const { perTest = {}, static: atLoad = {} } = state.mutantCoverage ?? {};
    return {
      failed,
      tests: tests.map(({ id }) => ({
        id,
        time: timeOf.get(id),
        mutants: Object.keys(perTest[id] ?? {}),
      })),
      atLoad: Object.keys(atLoad),
    };
  },

  /** Whether one of some tests, in the order given, fails with a mutant in place. */
  async try({ id, isStatic, ids }) {
    Object.assign(state, { activeMutant: id, hitCount: 0, hitLimit: HIT_LIMIT });
    try {
      const all = isStatic ? loadTests() : tests;
      const byId = new Map(all.map(test => [test.id, test]));
      for (const name of ids) await byId.get(name)?.run();
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
