import { type AuditCheck, type AuditReport, type AuditSubject, reportOf } from './audit-report.js';
import {
  compression,
  connectionLimits,
  origins,
  rateLimits,
  sizeLimits,
  tls,
  trustProxy,
} from './connection.checks.js';
import {
  adapter,
  authentication,
  gatewayProviders,
  globalEnhancers,
  handlerLimits,
  plainMessages,
  signedEvents,
  validation,
} from './gateway.checks.js';
import { jwtAlgorithms, keyRotation, keyStrength, signatures } from './key.checks.js';
import { freshness, sessions, subscriptions } from './session.checks.js';
import { minimums } from './minimum.checks.js';
import {
  clock,
  errorDetail,
  httpServer,
  replayStore,
  runtime,
  securityLog,
  stores,
} from './operation.checks.js';

/** The production checklist, in the order of its table. */
const CHECKLIST: readonly (readonly [id: string, check: AuditCheck])[] = [
  ['runtime', runtime],
  ['clock', clock],
  ['http-server', httpServer],
  ['adapter', adapter],
  ['tls', tls],
  ['trust-proxy', trustProxy],
  ['origins', origins],
  ['authentication', authentication],
  ['jwt', jwtAlgorithms],
  ['key-strength', keyStrength],
  ['key-rotation', keyRotation],
  ['signatures', signatures],
  ['freshness', freshness],
  ['sessions', sessions],
  ['subscriptions', subscriptions],
  ['gateways', gatewayProviders],
  ['global-guards', globalEnhancers],
  ['signed-events', signedEvents],
  ['plain-messages', plainMessages],
  ['validation', validation],
  ['size-limits', sizeLimits],
  ['compression', compression],
  ['rate-limits', rateLimits],
  ['handler-limits', handlerLimits],
  ['connection-limits', connectionLimits],
  ['minimums', minimums],
  ['stores', stores],
  ['replay-store', replayStore],
  ['security-log', securityLog],
  ['error-detail', errorDetail],
];

/** Runs the production checklist. */
export function audit(subject: AuditSubject): AuditReport {
  return reportOf(CHECKLIST.map(([id, check]) => ({ id, ...check(subject) })));
}
