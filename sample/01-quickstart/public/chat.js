// @ts-check
import { make, part } from './dom.js';

/** The maximum number of messages on the page. Older ones are removed. */
const MAX_MESSAGES = 200;
/** The maximum length of a shown message: another client may send more than this page allows. */
const MAX_LENGTH = 500;
/** The time a message may wait for a connection, in milliseconds. */
const PATIENCE = 60_000;
/** A message to one user: `@bob hello`. */
const WHISPER = /^@(\S+)\s+(.*)$/s;

/**
 * Shows a chat among all open tabs.
 *
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
 * @param {import('./http.js').Session} session
 */
export function showChat(client, { user }) {
  const log = part('chat-log');
  const messages = part('chat-messages');
  const result = part('chat-result');
  /** @type {HTMLInputElement} */
  const text = part('chat-text');

  client.subscribe('chat.*', event => {
    messages.append(messageOf(event, user));
    if (messages.childElementCount > MAX_MESSAGES) messages.firstElementChild?.remove();
    log.scrollTop = log.scrollHeight;
  });
  client.on('gap', () => {
    result.textContent =
      'Earlier messages may be missing: the server does not store them any more.';
  });

  showMembers(client);

  part('chat-form').addEventListener('submit', event => {
    event.preventDefault();
    const message = { text: text.value };
    const [, to, whisper = ''] = WHISPER.exec(message.text) ?? [];
    text.value = '';
    result.textContent = '';
    const sent = to
      ? client.request('chat.whisper', { to, text: whisper }, { timeout: PATIENCE })
      : client.request('chat.message', message, { timeout: PATIENCE });
    sent
      .then(() => {
        if (to) result.textContent = `Sent to ${to} only.`;
      })
      .catch(error => {
        const lost = error.code === 'CONNECTION_LOST' ? 'May not have arrived' : 'Not sent';
        result.textContent = `${lost}: “${message.text}” (${error.code})`;
      });
  });
}

/**
 * Shows who is in the lobby, on all nodes. Events of the room tell when that changes.
 *
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
 */
function showMembers(client) {
  const members = part('chat-members');
  const show = () => {
    client
      .request('chat.who', {})
      .then(({ data }) => {
        const users = /** @type {{ user: string }[]} */ (data).map(({ user }) => user);
        members.textContent = users.sort().join(', ');
      })
      // The next change, or the next connection, shows them.
      .catch(() => undefined);
  };
  client.subscribe('presence.*', show, { scope: 'own' });
  client.on('state', ({ state }) => {
    if (state === 'connected') show();
  });
  show();
}

/**
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEvent} event with any data that a client has sent
 * @param {string} user
 */
function messageOf({ subject, time, data, semanticaudience }, user) {
  const { text } = /** @type {{ text?: unknown }} */ (data ?? {});
  const clock = new Date(time ?? NaN).toLocaleTimeString([], { timeStyle: 'short' });
  return make(
    'li',
    { className: subject === user ? 'own' : '' },
    make('strong', {}, subject ?? 'somebody'),
    make('time', { dateTime: time ?? '' }, semanticaudience ? `${clock} to you only` : clock),
    make('span', {}, typeof text === 'string' ? text.slice(0, MAX_LENGTH) : '(no text)'),
  );
}
