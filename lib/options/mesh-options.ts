import { isPattern } from '../event/index.js';
import type { ClientUser } from './client-user.js';
import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/** Patterns of event types, the same for everybody or depending on who asks. */
export type AllowedPatterns = readonly string[] | ((user: ClientUser) => readonly string[]);

export interface MeshOptions {
  /**
   * What clients may subscribe to: patterns that must cover the ones they ask for. Asked with an `EventAuthorizer` of
   * your own in place, that decides instead. @default []
   */
  allow: AllowedPatterns;
  /** Patterns one client may be subscribed to at once. @default 32 */
  maxPatterns: number;
  /** Events kept in memory for clients that come back. On Redis it is `maxEvents` of its stores. @default 10_000 */
  maxEvents: number;
  /** Characters of events kept in memory. @default 16_777_216 */
  maxHistorySize: number;
  /** Events that may wait for one handler; beyond, it misses them, which is logged. @default 10_000 */
  maxWaiting: number;
}

export function checkMesh(options: Partial<MeshOptions>, problems: Problems): void {
  const numbers = ['maxPatterns', 'maxEvents', 'maxHistorySize', 'maxWaiting'] as const;
  if (!problems.unknown('mesh', options, Object.keys(DEFAULTS.mesh))) return;
  for (const name of numbers) problems.integer(`mesh.${name}`, options[name], { min: 1 });
  const allow: unknown = options.allow;
  if (allow !== undefined && typeof allow !== 'function' && !isPatterns(allow))
    problems.add('mesh.allow', 'must be a list of patterns such as chat.**, or a function');
}

function isPatterns(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(pattern => typeof pattern === 'string' && isPattern(pattern))
  );
}
