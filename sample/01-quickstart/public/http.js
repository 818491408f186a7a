// @ts-check

/**
 * Who has logged in. It lives in the memory of this tab only.
 *
 * @typedef {{ user: string, token: string }} Session
 * @typedef {{ id: string, status: string, finding: string, mend?: string }} AuditItem
 */

/** An answer that is not the one hoped for. */
export class HttpError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`The server answered ${status}`);
    this.status = status;
  }
}

/**
 * @param {string} user
 * @param {string} password
 * @returns {Promise<Session>}
 */
export async function logIn(user, password) {
  const body = JSON.stringify({ user, password });
  const headers = { 'content-type': 'application/json' };
  const { access_token } = await ask('/auth/login', { method: 'POST', headers, body });
  return { user, token: access_token };
}

/** @param {Session} session */
export async function logOut(session) {
  await ask('/auth/logout', { method: 'POST', headers: bearer(session) });
}

/**
 * A ticket for one connection; null when the session is over.
 *
 * @param {Session} session
 * @returns {Promise<string | null>}
 */
export async function fetchTicket(session) {
  try {
    return (await ask('/auth/ticket', { method: 'POST', headers: bearer(session) })).ticket;
  } catch (error) {
    if (error instanceof HttpError && error.status === 401) return null;
    throw error;
  }
}

/**
 * The production checklist.
 *
 * @param {Session} session
 * @returns {Promise<{ counts: Record<string, number>, items: AuditItem[] }>}
 */
export function fetchAudit(session) {
  return ask('/security/audit', { headers: bearer(session) });
}

/**
 * @param {string} path
 * @param {RequestInit} request
 */
async function ask(path, request) {
  const response = await fetch(path, request);
  if (!response.ok) throw new HttpError(response.status);
  return response.status === 204 ? undefined : response.json();
}

/** @param {Session} session */
function bearer({ token }) {
  return { authorization: `Bearer ${token}` };
}
