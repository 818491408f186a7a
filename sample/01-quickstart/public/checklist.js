// @ts-check
import { badge, make, part } from './dom.js';
import { fetchAudit, isAdmin } from './http.js';

/** @type {Record<string, 'good' | 'warn' | 'bad'>} */
const COLOURS = { fail: 'bad', warn: 'warn', pass: 'good' };

/**
 * Shows the production checklist to admins: failed items first, passed items on demand.
 *
 * @param {import('./http.js').Session} session
 */
export async function showChecklist(session) {
  const status = part('checklist-status');
  if (!isAdmin(session)) {
    status.textContent = 'Only admins can see the checklist: log in as alice.';
    return;
  }
  try {
    const { counts, items } = await fetchAudit(session);
    status.textContent = `${counts.pass} passed, ${counts.warn} warnings, ${counts.fail} failed. In production the application does not start if an item fails.`;
    /** @param {string} of */
    const listOf = of => make('ul', {}, ...items.filter(({ status }) => status === of).map(rowOf));
    const done = make('details', {}, make('summary', {}, 'Passed items'), listOf('pass'));
    part('checklist-items').replaceChildren(listOf('fail'), listOf('warn'), done);
  } catch {
    status.textContent = 'The checklist could not be loaded.';
  }
}

/** @param {import('./http.js').AuditItem} item */
function rowOf({ id, status, finding, fix }) {
  return make(
    'li',
    {},
    badge(COLOURS[status] ?? 'warn', status),
    make('code', {}, id),
    make('span', {}, `${finding}.`, ...(fix ? [make('small', {}, `${fix}.`)] : [])),
  );
}
