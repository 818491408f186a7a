export type { AuditItem, AuditReport, AuditStatus } from './audit-report.js';
export { optionFailures } from './option-failures.js';
export { PlacementCheck } from './placement-check.js';
export { SecurityAudit } from './security-audit.js';
export { VALIDATION_CHECK } from './validation-check.js';
