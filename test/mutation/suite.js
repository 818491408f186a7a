// The part of Jest that the suites of the pure cores need, without a sandbox, so that they load and run in milliseconds.
import Module, { createRequire } from 'node:module';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ModernFakeTimers } from '@jest/fake-timers';
import { expect } from 'expect';
import jestEach from 'jest-each';
import { ModuleMocker } from 'jest-mock';
import { GROUPS, OUT, SLOW } from './settings.js';

const require = createRequire(import.meta.url);
const out = resolve(OUT);
const files = readdirSync(join(out, 'test'), { recursive: true })
  .map(name => `test/${name}`)
  .filter(name => name.endsWith('.spec.js'));
/** The suites of a group. */
export const suitesOf = group =>
  files.filter(name => GROUPS[group].suites.some(suite => suite.test(name)));

const timers = new ModernFakeTimers({
  config: { rootDir: out, fakeTimers: {} },
  global: globalThis,
});
const mocker = new ModuleMocker(globalThis);
// Outside a sandbox, fake timers also replace those of this module. With Jest, its importers keep the real ones.
const timersModule = require('node:timers');
const { setImmediate } = timersModule;
const jest = {
  fn: mocker.fn.bind(mocker),
  spyOn: mocker.spyOn.bind(mocker),
  restoreAllMocks: mocker.restoreAllMocks.bind(mocker),
  useFakeTimers: options => {
    timers.useFakeTimers(options);
    timersModule.setImmediate = setImmediate;
  },
  useRealTimers: () => timers.useRealTimers(),
  advanceTimersByTime: ms => timers.advanceTimersByTime(ms),
  advanceTimersByTimeAsync: ms => timers.advanceTimersByTimeAsync(ms),
  getTimerCount: () => timers.getTimerCount(),
  runAllTimers: () => timers.runAllTimers(),
};
const load = Module._load;
Module._load = (name, ...rest) => (name === '@jest/globals' ? { jest } : load(name, ...rest));

/** Loads library and suites again. @returns the tests, ready to run */
export function loadTests(suites) {
  for (const path of Object.keys(require.cache))
    if (path.startsWith(out)) Reflect.deleteProperty(require.cache, path);
  // First, so that modules that import each other are loaded in the order of the package.
  require(join(out, 'lib/index.js'));
  const tests = [];
  for (const file of suites) {
    installGlobals(file, tests);
    require(join(out, file));
  }
  return tests;
}

function installGlobals(file, tests) {
  let scope = { titles: [file], before: [], after: [] };
  const describe = (title, body) => {
    const outer = scope;
    scope = {
      titles: [...outer.titles, title],
      before: [...outer.before],
      after: [...outer.after],
    };
    body();
    scope = outer;
  };
  let count = 0;
  const it = (title, body) => {
    const own = scope;
    if (SLOW.test(title)) return;
    tests.push({
      id: `${[...own.titles, title].join(' › ')} #${count++}`,
      file,
      run: () => run(own, body),
    });
  };
  const bound = test => Object.assign(test, { each: (...table) => each(test)(...table) });
  const each =
    test =>
    (...table) =>
    (title, body) => {
      const it = Object.assign((name, run) => test(name, run), {
        only: test,
        skip: test,
        concurrent: test,
      });
      const g = {
        it,
        test: it,
        describe: it,
        fit: it,
        xit: it,
        xtest: it,
        fdescribe: it,
        xdescribe: it,
      };
      jestEach
        .withGlobal(g)(...table)
        .it(title, body);
    };
  Object.assign(globalThis, {
    expect,
    describe: bound(describe),
    it: bound(it),
    beforeEach: body => scope.before.push(body),
    afterEach: body => scope.after.push(body),
  });
}

async function run({ before, after }, body) {
  try {
    for (const hook of before) await hook();
    await body();
  } finally {
    for (const hook of after) await hook();
    // Jest has a sandbox for each suite. Here, a spy of one test must not reach the next.
    mocker.restoreAllMocks();
    timers.useRealTimers();
  }
}
