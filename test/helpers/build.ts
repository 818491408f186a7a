import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pause } from './eventually.js';

const SOURCES = [
  '.ci',
  'client-package',
  'lib',
  'package.json',
  'tsconfig.build.json',
  'tsconfig.commonjs.json',
  'tsconfig.json',
];
/** What a build writes last. */
const RESULT = 'build/client-package/package.json';
/** A folder that exists while a suite builds. */
const LOCK = 'build/.building';
/** The time after which a build was interrupted, in milliseconds. */
const INTERRUPTED = 200_000;

/** Builds the library like `npm run build`, unless its sources are older. Suites that need it at the same time share a build. */
export async function build(): Promise<void> {
  mkdirSync('build', { recursive: true });
  while (timeOf(RESULT) < Math.max(...SOURCES.map(lastChange)))
    if (lock())
      try {
        await promisify(execFile)(process.execPath, ['.ci/build.js']);
      } finally {
        rmSync(LOCK, { recursive: true });
      }
    else await pause(200);
}

function lock(): boolean {
  if (Date.now() - timeOf(LOCK) > INTERRUPTED) rmSync(LOCK, { recursive: true, force: true });
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    return false;
  }
}

/** Returns when a file, or anything in a folder, was changed. */
function lastChange(path: string): number {
  if (!statSync(path).isDirectory()) return timeOf(path);
  return Math.max(timeOf(path), ...readdirSync(path).map(name => lastChange(join(path, name))));
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
}
