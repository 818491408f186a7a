import { isPattern } from '../event/index.js';
import type { ClientUser } from './client-user.js';
import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/** Patterns of event types: the same for all users, or a function of the user. */
export type AllowedPatterns = readonly string[] | ((user: ClientUser) => readonly string[]);

export interface MeshOptions {
  /**
   * The patterns that clients may subscribe to. They must cover the requested patterns. If you provide an `EventAuthorizer`,
   * it decides instead. @default []
   */
  allow: AllowedPatterns;
  /** The maximum number of patterns of one client. @default 32 */
  maxPatterns: number;
  /** The maximum number of rooms of one client. @default 64 */
  maxRooms: number;
  /**
   * Patterns of rooms whose members receive `presence.joined` and `presence.left` when a user enters and leaves. @default []
   */
  presence: readonly string[];
  /**
   * Events kept in memory for clients that resume, and as many again of events for one user, session or room. On Redis,
   * `maxEvents` of its stores applies. @default 10_000
   */
  maxEvents: number;
  /**
   * The number of characters in these events. The same number applies to events for one user, session or room.
   *
   * @default 16_777_216
   */
  maxHistorySize: number;
  /** Events kept that are addressed to one user, session or room. @default 1_000 */
  maxEventsPerAudience: number;
  /** Characters of these events. @default 262_144 */
  maxHistorySizePerAudience: number;
  /**
   * Events that may wait for one handler, with at most `maxHistorySize` characters. Further events are dropped and logged.
   * @default 10_000
   */
  maxWaiting: number;
}

export function checkMesh(options: Partial<MeshOptions>, problems: Problems): void {
  const numbers = [
    'maxPatterns',
    'maxRooms',
    'maxEvents',
    'maxHistorySize',
    'maxEventsPerAudience',
    'maxHistorySizePerAudience',
    'maxWaiting',
  ] as const;
  if (!problems.unknown('mesh', options, Object.keys(DEFAULTS.mesh))) return;
  for (const name of numbers) problems.integer(`mesh.${name}`, options[name], { min: 1 });
  const allow: unknown = options.allow;
  if (allow !== undefined && typeof allow !== 'function' && !isPatterns(allow))
    problems.add('mesh.allow', 'must be a list of patterns such as chat.**, or a function');
  if (options.presence !== undefined && !isPatterns(options.presence))
    problems.add('mesh.presence', 'must be a list of patterns of rooms such as chat.**');
}

function isPatterns(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(pattern => typeof pattern === 'string' && isPattern(pattern))
  );
}
