// @ts-check
import { SemanticEventsClient } from '/nestjs-semantic-events/client/index.js';
import { part } from './dom.js';
import { fetchTicket, logOut } from './http.js';

/**
 * Connects, and shows the state of the connection. Each connection uses a ticket, so the more powerful token never goes
 * over the socket.
 *
 * @param {import('./http.js').Session} session
 * @param {typeof WebSocket} WebSocket the class of its sockets
 */
export function connect(session, WebSocket) {
  const client = new SemanticEventsClient({
    url: '/events',
    WebSocket,
    getToken: () => fetchTicket(session),
  });
  const state = part('state');
  const reconnect = part('reconnect');
  const logout = part('logout');

  client.on('state', change => {
    state.dataset.state = change.state;
    state.textContent = describe(change, session.user);
    reconnect.hidden = change.state !== 'waiting';
    if (change.state === 'closed') logout.textContent = 'Log in again';
  });
  client.on('error', ({ code, message }) => {
    if (code === 'UNVERIFIED') part('problem').textContent = `${code}: ${message}.`;
  });
  reconnect.addEventListener('click', () => client.connect());
  logout.addEventListener('click', async () => {
    client.close();
    await logOut(session).catch(() => undefined);
    // Clear all data of the session.
    location.reload();
  });

  part('connection').hidden = false;
  // Failures are shown as a state.
  client.connect().catch(() => undefined);
  return client;
}

/**
 * @param {import('/nestjs-semantic-events/client/index.js').StateChange} change
 * @param {string} user
 */
function describe({ state, error, retryIn = 0 }, user) {
  switch (state) {
    case 'connected':
      return `Connected as ${user}`;
    case 'waiting':
      return `Connection lost, trying again in ${(retryIn / 1000).toFixed(1)} s`;
    case 'closed':
      return error ? `Closed (${error.code})` : 'Closed';
    default:
      return 'Connecting…';
  }
}
