// @ts-check

/**
 * The session of the logged-in user. It is stored in the memory of this tab only.
 *
 * @typedef {{ user: string, token: string, roles: string[] }} Session
 * @typedef {{ id: string, user?: string, connectedAt: number }} OpenConnection
 * @typedef {{ id: string, status: string, finding: string, fix?: string }} AuditItem
 */

/** Thrown when the HTTP status is not the expected one. */
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
  const { access_token, roles } = await request('/auth/login', { method: 'POST', headers, body });
  return { user, token: access_token, roles };
}

/** @param {Session} session */
export async function logOut(session) {
  await request('/auth/logout', { method: 'POST', headers: bearer(session) });
}

/**
 * Fetches a ticket for one connection. Returns null if the session has ended.
 *
 * @param {import('./http.js').Session} session
 * @returns {Promise<string | null>}
 */
export async function fetchTicket(session) {
  try {
    return (await request('/auth/ticket', { method: 'POST', headers: bearer(session) })).ticket;
  } catch (error) {
    if (error instanceof HttpError && error.status === 401) return null;
    throw error;
  }
}

/**
 * Fetches the production checklist.
 *
 * @param {Session} session
 * @returns {Promise<{ counts: Record<string, number>, items: AuditItem[] }>}
 */
export function fetchAudit(session) {
  return request('/security/audit', { headers: bearer(session) });
}

/**
 * Fetches the first 100 open connections.
 *
 * @param {Session} session
 * @returns {Promise<{ connections: OpenConnection[] }>}
 */
export function fetchConnections(session) {
  return request('/semantic-events/connections', { headers: bearer(session) });
}

/**
 * @param {Session} session
 * @param {string} client
 */
export async function disconnect(session, client) {
  await post('/semantic-events/connections/disconnect', session, { client });
}

/**
 * @param {Session} session
 * @param {string} user
 */
export async function logOutUser(session, user) {
  await post('/semantic-events/users/log-out', session, { user });
}

/**
 * Returns whether to show what is for admins. The server decides who may see it.
 *
 * @param {Session} session
 */
export function isAdmin({ roles }) {
  return roles.includes('admin');
}

/**
 * @param {string} path
 * @param {RequestInit} init
 */
async function request(path, init) {
  const response = await fetch(path, init);
  if (!response.ok) throw new HttpError(response.status);
  return response.status === 204 ? undefined : response.json();
}

/**
 * @param {string} path
 * @param {Session} session
 * @param {object} body
 */
function post(path, session, body) {
  const headers = { ...bearer(session), 'content-type': 'application/json' };
  return request(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** @param {Session} session */
function bearer({ token }) {
  return { authorization: `Bearer ${token}` };
}
