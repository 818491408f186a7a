// @ts-check
import { badge, make, part } from './dom.js';

/**
 * Shows a form that sends an event, and its reply or rejection.
 *
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
 */
export function showEcho(client) {
  /** @type {HTMLSelectElement} */
  const type = part('echo-type');
  /** @type {HTMLTextAreaElement} */
  const data = part('echo-data');
  const result = part('echo-result');

  part('echo-form').addEventListener('submit', async event => {
    event.preventDefault();
    const sentAt = performance.now();
    try {
      const reply = await client.request(type.value, JSON.parse(data.value));
      // The client drops every reply that it cannot verify.
      const time = `${reply.type} after ${Math.round(performance.now() - sentAt)} ms`;
      const json = make('pre', { tabIndex: 0 }, JSON.stringify(reply, null, 2));
      result.replaceChildren(make('p', {}, badge('good', '✓ verified'), ` ${time}`), json);
    } catch (error) {
      result.replaceChildren(make('p', {}, ...describe(error)));
    }
  });
}

/** @param {any} error an error of the client or of `JSON.parse` */
function describe(error) {
  if (error instanceof SyntaxError) return [badge('warn', 'not sent'), ' This is not JSON.'];
  const { code, message, retryAfter } = error;
  const wait = retryAfter ? `, try again in ${retryAfter / 1000} s` : '';
  // A rejection by the server has a code only. Errors of the client have a message.
  return [badge('bad', code), ` ${message === code ? 'rejected' : message}${wait}`];
}
