import { checkAuth } from './auth-options.js';
import { checkConnection } from './connection-options.js';
import { DEFAULTS } from './defaults.js';
import { Problems } from './problems.js';
import type { ResolvedOptions, SemanticEventsOptions } from './semantic-events-options.js';
import { checkSigning } from './signing-options.js';
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
  });
}

function check(options: SemanticEventsOptions, problems: Problems, now: number): void {
  checkSigning(options.signing, problems, now);
  checkAuth(options.auth, problems);
  if (options.connection !== undefined) checkConnection(options.connection, problems);
  checkWholeNumbers('event', options.event, DEFAULTS.event, problems);
  const { maxDepth = 0 } = options.event ?? {};
  if (Number.isSafeInteger(maxDepth) && maxDepth > MAX_DEPTH)
    problems.add('event.maxDepth', `must be at most ${MAX_DEPTH}`);
  checkWholeNumbers('replay', options.replay, DEFAULTS.replay, problems);
  checkWholeNumbers('rateLimit', options.rateLimit, DEFAULTS.rateLimit, problems);
}

/** Deeper data could be validated but has no canonical form (`canonicalize`). */
const MAX_DEPTH = 100;

/** Checks a section whose members are all sizes or counts. */
function checkWholeNumbers(
  path: string,
  section: object | undefined,
  defaults: object,
  problems: Problems,
): void {
  if (section === undefined || !problems.unknown(path, section, Object.keys(defaults))) return;
  for (const [name, value] of Object.entries(section))
    problems.integer(`${path}.${name}`, value, { min: 1 });
}
