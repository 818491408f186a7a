import type { EventLimits } from '../event/index.js';
import { checkAuth } from './auth-options.js';
import { checkConnection } from './connection-options.js';
import { DEFAULTS } from './defaults.js';
import { checkMesh } from './mesh-options.js';
import { checkAudit, checkMonitoring } from './monitoring-options.js';
import { Problems } from './problems.js';
import type { ResolvedOptions, SemanticEventsOptions } from './semantic-events-options.js';
import { checkSigning } from './signing-options.js';
import { checkRateLimit, checkReplay } from './store-options.js';
import { withDefaults } from './with-defaults.js';

/**
 * Validates what the application configured and fills in the defaults, member by member.
 *
 * @param now milliseconds since the Unix epoch
 * @param isProduction whether what is only fit for development is refused
 * @throws SemanticEventsConfigError naming every problem at once
 */
export function resolveOptions(
  options: SemanticEventsOptions,
  now: number,
  isProduction = false,
): ResolvedOptions {
  const problems = new Problems(isProduction);
  const sections = Object.keys(DEFAULTS);
  if (problems.unknown('', options, sections)) check(options, problems, now);
  problems.throwIfAny();
  return Object.freeze({
    signing: withDefaults(DEFAULTS.signing, options.signing),
    auth: withDefaults(DEFAULTS.auth, options.auth),
    connection: withDefaults(
      { ...DEFAULTS.connection, requireTls: isProduction },
      options.connection,
    ),
    event: withDefaults(DEFAULTS.event, options.event),
    replay: withDefaults(DEFAULTS.replay, options.replay),
    rateLimit: withDefaults(DEFAULTS.rateLimit, options.rateLimit),
    mesh: withDefaults(DEFAULTS.mesh, options.mesh),
    monitoring: withDefaults(DEFAULTS.monitoring, options.monitoring),
    audit: options.audit ?? (isProduction ? 'enforce' : DEFAULTS.audit),
  });
}

function check(options: SemanticEventsOptions, problems: Problems, now: number): void {
  checkSigning(options.signing, problems, now);
  checkAuth(options.auth, problems);
  if (options.connection !== undefined) checkConnection(options.connection, problems);
  if (options.event !== undefined) checkEvent(options.event, problems);
  if (options.replay !== undefined) checkReplay(options.replay, problems);
  if (options.rateLimit !== undefined) checkRateLimit(options.rateLimit, problems);
  if (options.mesh !== undefined) checkMesh(options.mesh, problems);
  if (options.monitoring !== undefined) checkMonitoring(options.monitoring, problems);
  checkAudit(options.audit, problems);
}

/** Deeper data could be validated but has no canonical form (`canonicalize`). */
const MAX_DEPTH = 100;

function checkEvent(limits: Partial<EventLimits>, problems: Problems): void {
  if (!problems.unknown('event', limits, Object.keys(DEFAULTS.event))) return;
  for (const [name, value] of Object.entries(limits))
    problems.integer(`event.${name}`, value, { min: 1 });
  const { maxDepth = 0 } = limits;
  if (Number.isSafeInteger(maxDepth) && maxDepth > MAX_DEPTH)
    problems.add('event.maxDepth', `must be at most ${MAX_DEPTH}`);
}
