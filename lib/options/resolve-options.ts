import type { EventLimits } from '../event/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { checkAuth } from './auth-options.js';
import { checkConnection } from './connection-options.js';
import { DEFAULTS } from './defaults.js';
import { checkMesh } from './mesh-options.js';
import { checkAudit, checkMonitoring } from './monitoring-options.js';
import { Problems } from './problems.js';
import type { ResolvedOptions, SemanticEventsOptions } from './semantic-events-options.js';
import { checkSigning, type SigningKeyOptions, type SigningKeySource } from './signing-options.js';
import { checkRateLimit, checkReplay } from './store-options.js';
import { withDefaults } from './with-defaults.js';

/** Returns further problems of valid options, as sentences. */
export type OptionsReview = (options: ResolvedOptions) => readonly string[];

/**
 * Validates the options and fills in the defaults, member by member.
 *
 * @param now milliseconds since the Unix epoch
 * @param isProduction whether settings for development only are refused
 * @param review adds its problems to those of invalid options. It receives the valid options only.
 * @param keySource the function that `signing.keys` was, before `loadKeys` called it
 * @throws SemanticEventsConfigError that lists every problem
 */
export function resolveOptions(
  options: SemanticEventsOptions,
  now: number,
  isProduction = false,
  review: OptionsReview = () => [],
  keySource?: SigningKeySource,
): ResolvedOptions {
  const problems = new Problems(isProduction);
  const sections = Object.keys(DEFAULTS);
  if (problems.unknown('', options, sections)) check(options, problems, now);
  if (problems.count === 0) return addDefaults(options, isProduction, keySource);
  const valid = addDefaults(withoutInvalid(options, problems.paths), isProduction);
  throw new SemanticEventsConfigError([...problems.sentences, ...review(valid)]);
}

/** Returns a copy of the options without the members that have a problem. */
function withoutInvalid(
  options: SemanticEventsOptions,
  paths: readonly string[],
): SemanticEventsOptions {
  // The validation has already reported options that are not an object.
  const members = { ...options } as Record<string, unknown>;
  const valid: Record<string, unknown> = {};
  const isValid = (path: string) =>
    !paths.some(
      found => found === path || found.startsWith(`${path}.`) || found.startsWith(`${path}[`),
    );
  for (const section of Object.keys(DEFAULTS)) {
    const given = members[section];
    if (typeof given === 'object' && given !== null && !paths.includes(section))
      valid[section] = Object.fromEntries(
        Object.entries(given).filter(([member]) => isValid(`${section}.${member}`)),
      );
    else if (isValid(section)) valid[section] = given;
  }
  return {
    ...valid,
    signing: { keys: [], ...(valid.signing as object | undefined) },
  } as unknown as SemanticEventsOptions;
}

function addDefaults(
  options: SemanticEventsOptions,
  isProduction: boolean,
  keySource?: SigningKeySource,
): ResolvedOptions {
  return Object.freeze({
    signing: withDefaults(DEFAULTS.signing, {
      ...options.signing,
      keys: options.signing.keys as SigningKeyOptions[],
      keySource,
    }),
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
    errors: options.errors ?? DEFAULTS.errors,
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
  problems.oneOf('errors', options.errors, ['brief', 'verbose']);
  checkAudit(options.audit, problems);
}

/** `canonicalize` refuses deeper data. */
const MAX_DEPTH = 100;

function checkEvent(limits: Partial<EventLimits>, problems: Problems): void {
  if (!problems.unknown('event', limits, Object.keys(DEFAULTS.event))) return;
  for (const [name, value] of Object.entries(limits))
    problems.integer(`event.${name}`, value, { min: 1 });
  const { maxDepth = 0 } = limits;
  if (Number.isSafeInteger(maxDepth) && maxDepth > MAX_DEPTH)
    problems.add('event.maxDepth', `must be at most ${MAX_DEPTH}`);
}
