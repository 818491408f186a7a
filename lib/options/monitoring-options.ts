import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';

/**
 * How addresses appear: in full; truncated to /24, or /48 for IPv6; as a keyed hash that stays the same until the process ends;
 * or not at all.
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
  keysRotated: SecurityLogLevel;
  keyRefreshFailed: SecurityLogLevel;
}

/** Where an unexpected error was thrown. Text that a client may have chosen is escaped and cut. */
export interface UnexpectedErrorContext {
  /**
   * The source of the error: `handler`, with its guards and pipes; `hook`, such as `handleConnection`; the name of an option or port, such
   * as `auth.validateToken`; a handler of the mesh; or `internal`.
   */
  readonly source: string;
  /** The type of the event, or the name of the message. */
  readonly eventType?: string;
  readonly eventId?: string;
  readonly clientId?: string;
  readonly userId?: string;
}

export interface MonitoringOptions {
  /** How addresses appear in security events and in the log. @default 'full' */
  address: AddressForm;
  /** Whether security events are logged. @default true */
  log: boolean;
  /** The interval at which the log summarises repeated security events, in milliseconds. @default 60_000 */
  logInterval: number;
  /**
   * The level of each kind. A kind that is left out keeps its default. The protections log the outage of a store as an error themselves.
   *
   * @default {
   *   refused: 'warn', closed: 'log', lost: 'debug', authenticated: 'debug', handshakeRefused: 'warn',
   *   attemptFailed: 'warn', attemptsExhausted: 'warn', sessionEnded: 'log', storeDown: 'debug', storeUp: 'debug',
   *   keysRotated: 'log', keyRefreshFailed: 'debug'
   * }
   */
  levels: SecurityLogLevels;
  /**
   * Receives every error that is not a refusal, after the client is answered. It is the error as it was thrown: its message may
   * contain data of a client. If the function throws or rejects, the library logs that.
   */
  onUnexpected?: (error: unknown, context: UnexpectedErrorContext) => unknown;
  /**
   * The number of processes that serve the application. Several processes must share their stores. If omitted, the production
   * checklist looks for Node's cluster and for PM2. `1` says that a cluster has this one worker.
   */
  nodes?: number;
}

/** The monitoring options as configured: every level may be omitted. */
export type MonitoringOptionsInit = Partial<
  Omit<MonitoringOptions, 'levels'> & { levels: Partial<SecurityLogLevels> }
>;

/**
 * The action of the production checklist at start: none; print its items; or print them and reject the start if one fails.
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
  const known = [...Object.keys(DEFAULTS.monitoring), 'nodes', 'onUnexpected'];
  if (!problems.unknown('monitoring', options, known)) return;
  problems.oneOf('monitoring.address', options.address, FORMS);
  problems.boolean('monitoring.log', options.log);
  problems.integer('monitoring.logInterval', options.logInterval, { min: 1 });
  problems.integer('monitoring.nodes', options.nodes, { min: 1 });
  problems.fn('monitoring.onUnexpected', options.onUnexpected);
  const { levels } = options;
  if (levels === undefined || !problems.unknown('monitoring.levels', levels, KINDS)) return;
  for (const kind of KINDS) problems.oneOf(`monitoring.levels.${kind}`, levels[kind], LEVELS);
}

export function checkAudit(mode: AuditMode | undefined, problems: Problems): void {
  problems.oneOf('audit', mode, MODES);
}
