import { readFileSync } from 'node:fs';
import { maxHeaderSize as defaultHeaderSize } from 'node:http';
import type { HttpFacts } from './audit-report.js';

export const LENIENT_PARSER = '--insecure-http-parser';

/** Returns the flags of this process. Node accepts an underscore for each dash. */
export function processFlags({
  execArgv,
  env,
}: Pick<NodeJS.Process, 'execArgv' | 'env'>): string[] {
  const options = (env.NODE_OPTIONS ?? '').replaceAll('"', '').split(/\s+/);
  return [...execArgv, ...options].map(flag => {
    const [name = '', ...value] = flag.split('=');
    return [name.replaceAll('_', '-'), ...value].join('=');
  });
}

/** Returns how many files this process may have open, or `Infinity`. Only Linux reports it. */
export function maxOpenFiles(limits = '/proc/self/limits'): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync(limits, 'utf8')) ?? [];
    return Number(soft ?? Infinity);
  } catch {
    return Infinity;
  }
}

/** Returns the facts about an HTTP server. A server without options follows the flags, as do those of gateways. */
export function httpFactsOf(server: unknown, flags: readonly string[]): HttpFacts {
  const { insecureHTTPParser, maxHeaderSize = 0 } = Object(server) as {
    insecureHTTPParser?: boolean;
    maxHeaderSize?: number;
  };
  return {
    isLenient: insecureHTTPParser === true || flags.includes(LENIENT_PARSER),
    maxHeaderSize: Math.max(maxHeaderSize, defaultHeaderSize),
  };
}
