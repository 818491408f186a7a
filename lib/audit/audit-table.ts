import type { AuditItem, AuditReport } from './audit-report.js';

/** A report as a table to be read by people. */
export function tableOf({ counts, items }: AuditReport): string {
  const width = Math.max(...items.map(({ id }) => id.length));
  const rows = items.map(
    item => `  ${item.status.toUpperCase()}  ${item.id.padEnd(width)}  ${sentenceOf(item)}`,
  );
  const summary = `Production checklist: ${counts.pass} pass, ${counts.warn} warn, ${counts.fail} fail`;
  return [summary, ...rows].join('\n');
}

/** What was found, and how to mend it. */
export function sentenceOf({ finding, mend }: AuditItem): string {
  return mend === undefined ? finding : `${finding}. ${mend}`;
}
