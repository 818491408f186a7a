// @ts-check
import { SemanticEventsClient } from '/nestjs-semantic-events/client/index.js';
import { part } from './dom.js';
import { fetchTicket, logOut } from './http.js';

/**
 * Connects, and shows how that is going from here on. A ticket is fetched for each connection: the token that could
 * do more never goes over the socket.
 *
 * @param {import('./http.js').Session} session
 */
export function connect(session) {
  const client = new SemanticEventsClient({
    url: '/events',
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
    // Nothing of the session stays behind.
    location.reload();
  });

  part('connection').hidden = false;
  // What goes wrong is told as a state.
  client.connect().catch(() => undefined);
  return client;
}

/**
 * @param {import('/nestjs-semantic-events/client/index.js').StateChange} change
 * @param {string} user
 */
function describe({ state, error, retryIn = 0 }, user) {
  const why = error ? ` (${error.code})` : '';
  switch (state) {
    case 'connected':
      return `Connected as ${user}`;
    case 'waiting':
      return `Connection lost${why}, trying again in ${(retryIn / 1000).toFixed(1)} s`;
    case 'closed':
      return `Closed${why}`;
    default:
      return 'Connecting…';
  }
}
