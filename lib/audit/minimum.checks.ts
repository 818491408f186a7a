import { type AuditCheck, type AuditSubject, fail, pass, warn } from './audit-report.js';

interface Minimum {
  readonly option: string;
  readonly value: number;
  readonly min: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1_024;

export const minimums: AuditCheck = subject => {
  const shared = tooSmall(sharedMinimums(subject));
  if (shared !== '')
    return fail(
      `One client can use up what all clients need: ${shared}`,
      'Raise them, or leave them out: the defaults are safe',
    );
  const own = tooSmall(ownMinimums(subject));
  return own !== ''
    ? warn(`Too small for correct clients: ${own}`, 'Raise them, or leave them out')
    : pass('Every limit leaves room for correct clients');
};

function tooSmall(minimums: readonly Minimum[]): string {
  return minimums
    .filter(({ value, min }) => value < min)
    .map(({ option, min }) => `${option} (at least ${min})`)
    .join(', ');
}

/** The tables and queues that all clients share. */
function sharedMinimums({ options }: AuditSubject): Minimum[] {
  const { connection, mesh, rateLimit, replay } = options;
  return [
    { option: 'connection.maxConnections', value: connection.maxConnections, min: 10 },
    { option: 'rateLimit.maxKeys', value: rateLimit.maxKeys, min: 1_000 },
    { option: 'replay.maxNonces', value: replay.maxNonces, min: 1_000 },
    { option: 'mesh.maxWaiting', value: mesh.maxWaiting, min: 10 },
  ];
}

/** The limits of a single client or address. A shared limit is here a second time, if many clients need more. */
function ownMinimums({ options, gateways }: AuditSubject): Minimum[] {
  const { auth, connection, event, mesh, monitoring, rateLimit, replay, signing } = options;
  const { attempts } = auth;
  const sizes = gateways.map(({ maxMessageSize }) => maxMessageSize);
  const largest = Math.max(connection.maxMessageSize, ...sizes);
  const smallest = Math.min(connection.maxMessageSize, ...sizes);
  const perHour = (attempts.rate / attempts.per) * HOUR;
  return [
    { option: 'signing.maxAge', value: signing.maxAge, min: 5 * SECOND },
    { option: 'auth.timeout', value: auth.timeout, min: SECOND },
    { option: 'auth.maxSessionAge', value: auth.maxSessionAge, min: MINUTE },
    { option: 'auth.ticketLifetime', value: auth.ticketLifetime, min: 5 * SECOND },
    { option: 'auth.attempts.burst', value: attempts.burst, min: 3 },
    { option: 'auth.attempts.rate per hour', value: perHour, min: 1 },
    { option: 'maxMessageSize', value: smallest, min: KIB },
    {
      option: 'connection.maxUnauthenticatedMessageSize',
      value: connection.maxUnauthenticatedMessageSize,
      min: KIB,
    },
    {
      option: 'connection.maxConnectionsPerAddress',
      value: connection.maxConnectionsPerAddress,
      min: 3,
    },
    { option: 'connection.connectRate', value: connection.connectRate, min: 0.1 },
    { option: 'connection.connectBurst', value: connection.connectBurst, min: 5 },
    { option: 'connection.messageRate', value: connection.messageRate, min: 1 },
    // A subscription from a cursor costs 18 units.
    { option: 'connection.messageBurst', value: connection.messageBurst, min: 20 },
    { option: 'connection.maxBufferedBytes', value: connection.maxBufferedBytes, min: largest },
    { option: 'connection.maxStrikes', value: connection.maxStrikes, min: 5 },
    { option: 'connection.heartbeatInterval', value: connection.heartbeatInterval, min: SECOND },
    // Clients send a ping every 25 seconds.
    { option: 'connection.idleTimeout', value: connection.idleTimeout, min: 30 * SECOND },
    { option: 'connection.closeTimeout', value: connection.closeTimeout, min: 100 },
    { option: 'event.maxNameLength', value: event.maxNameLength, min: 36 },
    // The longest signature has 111 characters.
    { option: 'event.maxAttributeLength', value: event.maxAttributeLength, min: 128 },
    { option: 'event.maxExtensions', value: event.maxExtensions, min: 5 },
    {
      option: 'replay.maxNoncesPerConnection',
      value: replay.maxNoncesPerConnection,
      min: 100,
    },
    { option: 'rateLimit.maxKeys', value: rateLimit.maxKeys, min: connection.maxConnections },
    { option: 'mesh.maxEvents', value: mesh.maxEvents, min: 100 },
    { option: 'mesh.maxHistorySize', value: mesh.maxHistorySize, min: largest },
    { option: 'mesh.maxWaiting', value: mesh.maxWaiting, min: connection.messageBurst },
    { option: 'monitoring.logInterval', value: monitoring.logInterval, min: SECOND },
  ];
}
