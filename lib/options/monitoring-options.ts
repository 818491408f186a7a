import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/**
 * How addresses are told: as they are; as their /24 or, where they are IPv6, their /48; as a keyed hash by which one
 * can be recognized until the process ends, and no longer; or not at all.
 */
export type AddressForm = 'full' | 'truncated' | 'hashed' | 'none';

/** A level of Nest's Logger, or nothing. */
export type SecurityLogLevel = 'fatal' | 'error' | 'warn' | 'log' | 'debug' | 'verbose' | 'off';

/** The level each kind of security event is logged at. */
export interface SecurityLogLevels {
  refused: SecurityLogLevel;
  closed: SecurityLogLevel;
  lost: SecurityLogLevel;
  authenticated: SecurityLogLevel;
  handshakeRefused: SecurityLogLevel;
  attemptFailed: SecurityLogLevel;
  attemptsExhausted: SecurityLogLevel;
  sessionEnded: SecurityLogLevel;
  storeDown: SecurityLogLevel;
  storeUp: SecurityLogLevel;
}

export interface MonitoringOptions {
  /** How addresses are told in security events, and so in the log. @default 'full' */
  address: AddressForm;
  /** Whether security events are logged. @default true */
  log: boolean;
  /** After how long what goes on is summed up in the log, in milliseconds. @default 60_000 */
  logInterval: number;
  /**
   * The level of each kind; one left out keeps its own. What stores do is logged as an error by who needs them.
   *
   * @default {
   *   refused: 'warn', closed: 'log', lost: 'debug', authenticated: 'debug', handshakeRefused: 'warn',
   *   attemptFailed: 'warn', attemptsExhausted: 'warn', sessionEnded: 'log', storeDown: 'debug', storeUp: 'debug'
   * }
   */
  levels: SecurityLogLevels;
  /** How many processes serve the application together: more than one must share their stores. @default 1 */
  nodes: number;
}

/** What is given of the monitoring options: every level may be left out, too. */
export type MonitoringOptionsInit = Partial<
  Omit<MonitoringOptions, 'levels'> & { levels: Partial<SecurityLogLevels> }
>;

/**
 * What the production checklist does at start: nothing; prints its answers; or prints them and, where one is
 * `fail`, does not let the application start.
 */
export type AuditMode = 'off' | 'print' | 'enforce';

const FORMS: readonly AddressForm[] = ['full', 'truncated', 'hashed', 'none'];
const MODES: readonly AuditMode[] = ['off', 'print', 'enforce'];
const LEVELS: readonly SecurityLogLevel[] = [
  'fatal',
  'error',
  'warn',
  'log',
  'debug',
  'verbose',
  'off',
];
const KINDS = Object.keys(DEFAULTS.monitoring.levels) as (keyof SecurityLogLevels)[];

export function checkMonitoring(options: MonitoringOptionsInit, problems: Problems): void {
  if (!problems.unknown('monitoring', options, Object.keys(DEFAULTS.monitoring))) return;
  problems.oneOf('monitoring.address', options.address, FORMS);
  problems.boolean('monitoring.log', options.log);
  problems.integer('monitoring.logInterval', options.logInterval, { min: 1 });
  problems.integer('monitoring.nodes', options.nodes, { min: 1 });
  const { levels } = options;
  if (levels === undefined || !problems.unknown('monitoring.levels', levels, KINDS)) return;
  for (const kind of KINDS) problems.oneOf(`monitoring.levels.${kind}`, levels[kind], LEVELS);
}

export function checkAudit(mode: AuditMode | undefined, problems: Problems): void {
  problems.oneOf('audit', mode, MODES);
}
