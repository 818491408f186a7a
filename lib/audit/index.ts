export type { AuditItem, AuditReport, AuditStatus } from './audit-report.js';
export { SecurityAudit } from './security-audit.js';
