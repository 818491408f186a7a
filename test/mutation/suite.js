// As much of Jest as the suites of the pure cores need, without a sandbox: they can be loaded and run in milliseconds.
import { createRequire } from 'node:module';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'expect';
import jestEach from 'jest-each';
import { OUT, SUITES } from './settings.js';

const require = createRequire(import.meta.url);
const out = resolve(OUT);
const files = readdirSync(join(out, 'test'), { recursive: true })
  .map(name => `test/${name}`)
  .filter(name => name.endsWith('.spec.js') && SUITES.some(suite => suite.test(name)));

/** Loads library and suites anew. @returns every test of some suites, ready to run */
export function loadTests(some = files) {
  for (const path of Object.keys(require.cache))
    if (path.startsWith(out)) Reflect.deleteProperty(require.cache, path);
  const tests = [];
  for (const file of some) {
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
  }
}
