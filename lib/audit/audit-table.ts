import type { AuditItem, AuditReport } from './audit-report.js';

/** Formats a report as a table. */
export function tableOf({ counts, items }: AuditReport): string {
  const summary = `Production checklist: ${counts.pass} pass, ${counts.warn} warn, ${counts.fail} fail`;
  return [summary, ...rowsOf(items)].join('\n');
}

/** Formats the failures of a report for development, before production is configured. */
export function developmentTableOf({ items }: AuditReport): string {
  const failures = items.filter(({ status }) => status === 'fail');
  return [
    'Production checklist: these failures are expected in development. Fix them before production',
    ...rowsOf(failures),
  ].join('\n');
}

/** Returns a sentence for each item that fails. */
export function failuresOf({ items }: AuditReport): string[] {
  return items
    .filter(({ status }) => status === 'fail')
    .map(item => `${item.id}: ${sentenceOf(item)}`);
}

function rowsOf(items: readonly AuditItem[]): string[] {
  const width = Math.max(...items.map(({ id }) => id.length));
  return items.map(
    item => `  ${item.status.toUpperCase()}  ${item.id.padEnd(width)}  ${sentenceOf(item)}`,
  );
}

/** Returns the finding, and how to fix it. */
export function sentenceOf({ finding, fix }: AuditItem): string {
  return fix === undefined ? finding : `${finding}. ${fix}`;
}
