import { dirname } from 'node:path';
import { callerPath } from './own-path.js';

const COPIES = Symbol.for('nestjs-semantic-events.copies');

type Registry = typeof globalThis & { [COPIES]?: Set<string> };

/** The path of this module. Every entry point of the package loads it, so each copy of the package registers itself. */
export const OWN_PATH = callerPath();

const copies = ((globalThis as Registry)[COPIES] ??= new Set());
if (OWN_PATH !== undefined) copies.add(dirname(dirname(OWN_PATH)));

/**
 * Returns the problem if the process has loaded this package more than once. The guards and adapters of one copy ignore the
 * decorators of another, so gateways would be unprotected without any sign of it.
 */
export function copyProblems(paths: Iterable<string> = copies): string[] {
  const [first, ...others] = paths;
  if (others.length === 0) return [];
  return [
    `nestjs-semantic-events is loaded from several places: ${[first, ...others].join(' and ')}. ` +
      'Remove the second copy (npm dedupe), or load both parts of the application in one module format',
  ];
}
