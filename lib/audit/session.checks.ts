import { coversPattern } from '../event/index.js';
import { type AuditCheck, fail, pass, warn } from './audit-report.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The number of nonces that a server with few clients needs. */
const MIN_NONCES = 10_000;

export const freshness: AuditCheck = ({ options }) => {
  const { maxAge, clockSkew } = options.signing;
  const fix = 'Lower signing.maxAge and signing.clockSkew to a few minutes';
  if (maxAge > DAY || clockSkew > HOUR)
    return fail(`Events are accepted ${maxAge} ms back and ${clockSkew} ms ahead`, fix);
  if (maxAge > HOUR || clockSkew > 10 * MINUTE)
    return warn(`Events are accepted ${maxAge} ms back and ${clockSkew} ms ahead`, fix);
  if (options.replay.maxNonces < MIN_NONCES)
    return warn(
      `replay.maxNonces is ${options.replay.maxNonces}: with more events within signing.maxAge, the server refuses older ones`,
      'Raise replay.maxNonces',
    );
  return pass(`Events are accepted ${maxAge} ms back and ${clockSkew} ms ahead`);
};

export const sessions: AuditCheck = ({ options }) => {
  const { maxSessionAge, ticketLifetime, timeout, ticketRoute, jwt, oidc } = options.auth;
  const { clockTolerance = 0 } = jwt ?? oidc ?? {};
  const name = `auth.${oidc ? 'oidc' : 'jwt'}.clockTolerance`;
  if (clockTolerance > HOUR)
    return fail(
      `Tokens are accepted ${clockTolerance} ms after they expire`,
      `Lower ${name} to a minute`,
    );
  const long = [
    clockTolerance > 5 * MINUTE && `${name} (5 minutes)`,
    maxSessionAge > 30 * DAY && 'auth.maxSessionAge (30 days)',
    ticketLifetime > 5 * MINUTE && 'auth.ticketLifetime (5 minutes)',
    timeout > 2 * MINUTE && 'auth.timeout (2 minutes)',
  ].filter(name => name !== false);
  if (long.length > 0)
    return warn(`Longer than usual: ${long.join(', ')}`, 'Lower them to what your clients need');
  if (ticketRoute?.bind === false)
    return warn(
      'A stolen ticket works from any address and origin',
      'Leave auth.ticketRoute.bind at true',
    );
  return pass(`Sessions last at most ${maxSessionAge} ms, tickets ${ticketLifetime} ms`);
};

export const subscriptions: AuditCheck = ({ options }) => {
  const { allow } = options.mesh;
  if (typeof allow === 'function') return pass('A function decides what users may subscribe to');
  return allow.some(pattern => coversPattern(pattern, '**'))
    ? warn('Every user may subscribe to every event', 'List the allowed patterns in mesh.allow')
    : pass(`Users may subscribe to ${allow.length} patterns`);
};
