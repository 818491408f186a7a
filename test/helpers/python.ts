import { spawnSync } from 'node:child_process';
import { describeWith } from './describe-with.js';

const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;

/** Runs a suite that needs Python. */
export const describeWithPython = describeWith('python3', HAS_PYTHON, 'python3');

/** Runs a Python program that reads `given` and returns its variable `answer`. */
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
