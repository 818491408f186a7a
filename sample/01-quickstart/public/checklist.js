// @ts-check
import { badge, make, part } from './dom.js';
import { fetchAudit, HttpError } from './http.js';

/** @type {Record<string, 'good' | 'warn' | 'bad'>} */
const COLOURS = { fail: 'bad', warn: 'warn', pass: 'good' };

/**
 * What stands between this server and production, first; what does not, for who wants to see it: for admins.
 *
 * @param {import('./http.js').Session} session
 */
export async function showChecklist(session) {
  const status = part('checklist-status');
  try {
    const { counts, items } = await fetchAudit(session);
    status.textContent = `${counts.pass} passed, ${counts.warn} to look at, ${counts.fail} failed. In production nothing that fails would start.`;
    /** @param {string} of */
    const listOf = of => make('ul', {}, ...items.filter(({ status }) => status === of).map(rowOf));
    const done = make('details', {}, make('summary', {}, 'What passed'), listOf('pass'));
    part('checklist-items').replaceChildren(listOf('fail'), listOf('warn'), done);
  } catch (error) {
    status.textContent =
      error instanceof HttpError && error.status === 403
        ? 'This is for admins. The server’s answer: 403'
        : 'The checklist could not be had.';
  }
}

/** @param {import('./http.js').AuditItem} item */
function rowOf({ id, status, finding, mend }) {
  return make(
    'li',
    {},
    badge(COLOURS[status] ?? 'warn', status),
    make('code', {}, id),
    make('span', {}, `${finding}.`, ...(mend ? [make('small', {}, `${mend}.`)] : [])),
  );
}
