// @ts-check
import { make, part } from './dom.js';

/** Messages shown; older ones go. */
const MAX_MESSAGES = 200;
/** Characters shown of one message: another client may send more than this page lets anybody type. */
const MAX_LENGTH = 500;
/** How long a message may wait for the server to be back, in milliseconds. */
const PATIENCE = 60_000;

/**
 * A chat among all tabs that are open.
 *
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
 * @param {import('./http.js').Session} session
 */
export function showChat(client, { user }) {
  const log = part('chat-log');
  const result = part('chat-result');
  /** @type {HTMLInputElement} */
  const text = part('chat-text');

  client.subscribe('chat.*', event => {
    log.append(messageOf(event, user));
    if (log.childElementCount > MAX_MESSAGES) log.firstElementChild?.remove();
    log.scrollTop = log.scrollHeight;
  });
  client.on('gap', () => {
    result.textContent = 'The server may have forgotten messages from before.';
  });

  part('chat-form').addEventListener('submit', event => {
    event.preventDefault();
    const message = { text: text.value };
    text.value = '';
    result.textContent = '';
    client.request('chat.message', message, { timeout: PATIENCE }).catch(error => {
      const lost = error.code === 'CONNECTION_LOST' ? 'Perhaps not sent' : 'Not sent';
      result.textContent = `${lost}: “${message.text}” (${error.code})`;
    });
  });
}

/**
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEvent} event of whatever data some client has sent
 * @param {string} user
 */
function messageOf({ subject, time, data }, user) {
  const { text } = /** @type {{ text?: unknown }} */ (data ?? {});
  const clock = new Date(time ?? NaN).toLocaleTimeString([], { timeStyle: 'short' });
  return make(
    'li',
    { className: subject === user ? 'own' : '' },
    make('strong', {}, subject ?? 'somebody'),
    make('time', { dateTime: time ?? '' }, clock),
    make('span', {}, typeof text === 'string' ? text.slice(0, MAX_LENGTH) : '(no text)'),
  );
}
