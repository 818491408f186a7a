import { checkAuth } from './auth-options.js';
import { checkConnection } from './connection-options.js';
import { DEFAULTS } from './defaults.js';
import { Problems } from './problems.js';
import type { ResolvedOptions, SemanticEventsOptions } from './semantic-events-options.js';
import { checkSigning } from './signing-options.js';

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
  return {
    signing: withDefaults(DEFAULTS.signing, options.signing),
    auth: withDefaults(DEFAULTS.auth, {
      ...options.auth,
      attempts: withDefaults(DEFAULTS.auth.attempts, options.auth.attempts),
    }),
    connection: withDefaults(
      { ...DEFAULTS.connection, requireTls: isProduction },
      options.connection,
    ),
    event: withDefaults(DEFAULTS.event, options.event),
    replay: withDefaults(DEFAULTS.replay, options.replay),
    rateLimit: withDefaults(DEFAULTS.rateLimit, options.rateLimit),
  };
}

function check(options: SemanticEventsOptions, problems: Problems, now: number): void {
  checkSigning(options.signing, problems, now);
  checkAuth(options.auth, problems);
  checkConnection(options.connection ?? {}, problems);
  checkWholeNumbers('event', options.event, DEFAULTS.event, problems);
  checkWholeNumbers('replay', options.replay, DEFAULTS.replay, problems);
  checkWholeNumbers('rateLimit', options.rateLimit, DEFAULTS.rateLimit, problems);
}

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

/** A member given as undefined takes its default, like one left out. */
function withDefaults<D extends object, S extends object>(
  defaults: D,
  section: S | undefined,
): D & S {
  const given = Object.entries(section ?? {}).filter(([, value]) => value !== undefined);
  return Object.freeze({ ...defaults, ...Object.fromEntries(given) }) as D & S;
}
