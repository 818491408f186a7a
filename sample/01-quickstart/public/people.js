// @ts-check
import { make, part } from './dom.js';
import { disconnect, fetchConnections, isAdmin, logOutUser } from './http.js';

/**
 * Shows admins the open connections of all users when they ask for them.
 *
 * @param {import('./http.js').Session} session
 */
export function showPeople(session) {
  /** @type {HTMLDetailsElement} */
  const details = part('people-details');
  const status = part('people-status');
  if (!isAdmin(session)) {
    status.textContent = 'Only admins can see connections: log in as alice.';
    details.hidden = true;
    return;
  }

  /** @type {import('./http.js').OpenConnection[]} */
  let shown = [];

  /** @param {import('./http.js').OpenConnection[]} connections */
  const show = connections => {
    shown = connections;
    part('people-list').replaceChildren(...shown.map(rowOf));
  };

  /** @param {() => Promise<void>} action */
  const attempt = action =>
    action().catch(() => {
      status.textContent = 'The server did not answer as expected.';
    });

  /**
   * @param {string} text
   * @param {string} label
   * @param {() => Promise<void>} action
   * @param {(connection: import('./http.js').OpenConnection) => boolean} ends whether the action ends a connection
   */
  const button = (text, label, action, ends) => {
    const element = make('button', { type: 'button', ariaLabel: label }, text);
    element.addEventListener('click', () =>
      attempt(async () => {
        await action();
        status.textContent = `Done: ${label}.`;
        // The server lists a connection until its socket is closed.
        show(shown.filter(connection => !ends(connection)));
        // The button is gone: keep the focus near.
        details.querySelector('summary')?.focus();
      }),
    );
    return element;
  };

  /** @param {import('./http.js').OpenConnection} connection */
  function rowOf({ id, user, connectedAt }) {
    const since = new Date(connectedAt);
    const time = since.toLocaleTimeString([], { timeStyle: 'medium' });
    const end = button(
      'Disconnect',
      `Disconnect ${user ?? 'a client'} of ${time}`,
      () => disconnect(session, id),
      connection => connection.id === id,
    );
    const logOut =
      user &&
      button(
        'Log out',
        `Log out ${user}`,
        () => logOutUser(session, user),
        connection => connection.user === user,
      );
    return make(
      'tr',
      {},
      make('td', {}, user ?? 'not authenticated'),
      make('td', {}, make('time', { dateTime: since.toISOString() }, time)),
      make('td', {}, make('div', { className: 'actions' }, end, ...(logOut ? [logOut] : []))),
    );
  }

  details.addEventListener('toggle', () => {
    if (details.open)
      void attempt(async () => {
        show((await fetchConnections(session)).connections);
      });
  });
}
