import { spawnSync } from 'node:child_process';

const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;

const WHY_SKIPPED = 'SKIPPED: no python3 here (apt-get install python3)';

/** A suite that needs `python3`; where there is none, it is skipped, and says so. */
export function describeWithPython(name: string, suite: () => void): void {
  if (HAS_PYTHON) {
    describe(name, suite);
    return;
  }
  // Jest does not print the titles of what it skips.
  process.stderr.write(`${name}: ${WHY_SKIPPED}\n`);
  describe.skip(`${name} [${WHY_SKIPPED}]`, suite);
}

/** What a Python program makes of a JSON value: it has it as `given`, and answers with what it calls `answer`. */
export function python(program: string, given: unknown): unknown {
  const script = `import json, sys\ngiven = json.load(sys.stdin)\n${program}\njson.dump(answer, sys.stdout)`;
  const { status, stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    maxBuffer: 64 * 1_048_576,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
