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
import { adapter, authentication, validation } from './gateway.checks.js';
import { jwtAlgorithms, keyRotation, keyStrength, signatures } from './key.checks.js';
import { replayStore, securityLog, stores } from './operation.checks.js';

/** The production checklist, in the order it is printed. */
const CHECKLIST: readonly (readonly [id: string, check: AuditCheck])[] = [
  ['adapter', adapter],
  ['tls', tls],
  ['trust-proxy', trustProxy],
  ['origins', origins],
  ['authentication', authentication],
  ['jwt', jwtAlgorithms],
  ['key-strength', keyStrength],
  ['key-rotation', keyRotation],
  ['signatures', signatures],
  ['validation', validation],
  ['size-limits', sizeLimits],
  ['compression', compression],
  ['rate-limits', rateLimits],
  ['connection-limits', connectionLimits],
  ['stores', stores],
  ['replay-store', replayStore],
  ['security-log', securityLog],
];

/** Goes through the production checklist. */
export function audit(subject: AuditSubject): AuditReport {
  return reportOf(CHECKLIST.map(([id, check]) => ({ id, ...check(subject) })));
}
