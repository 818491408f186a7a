// @ts-check
import { ATTACKS } from './attacks.js';
import { badge, make, part } from './dom.js';
import { frameText } from './frame-text.js';
import { RawConnection } from './raw-connection.js';

/** The maximum number of sent frames to show. */
const MAX_SENT = 2;

/**
 * Shows a button for each attack, and its result.
 *
 * @param {import('./http.js').Session} session
 */
export function showAttacks(session) {
  part('attack-list').append(...ATTACKS.map(attack => cardOf(attack, session)));
}

/**
 * @param {import('./attacks.js').Attack} attack
 * @param {import('./http.js').Session} session
 */
function cardOf(attack, session) {
  const { name, title, does } = attack;
  const result = make('p', { id: `attack-${name}-result`, className: 'result', role: 'status' });
  const frames = make('div');
  const button = make('button', { id: `attack-${name}`, type: 'button' }, title);
  button.addEventListener('click', async () => {
    // Do not disable the button: that would move the focus away.
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    result.replaceChildren('…');
    const { answer, details } = await outcomeOf(attack, session);
    result.replaceChildren(...answer);
    frames.replaceChildren(...details);
    button.ariaBusy = 'false';
  });
  return make('li', {}, button, make('p', {}, does), result, frames);
}

/**
 * Runs an attack. Returns the server’s answer, and the frames of both sides.
 *
 * @param {import('./attacks.js').Attack} attack
 * @param {import('./http.js').Session} session
 */
async function outcomeOf(attack, session) {
  /** @type {RawConnection | undefined} */
  let connection;
  try {
    connection = await RawConnection.open(session);
    await attack.run(connection, session);
    const refusal = await connection.frame(({ type }) => type === 'error');
    const { code = '', status, message } = refusal;
    const answer = [badge('good', code), ` ${status}: ${message}`];
    if (attack.closes) answer.push(` — then closed with ${(await connection.closed()).code}`);
    return { answer, details: [framesOf(attack, connection.sent, refusal)] };
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    return { answer: [badge('bad', 'not rejected'), ` ${why}`], details: [] };
  } finally {
    connection?.end();
  }
}

/**
 * @param {import('./attacks.js').Attack} attack
 * @param {string[]} sent
 * @param {import('./raw-connection.js').Frame} refusal
 */
function framesOf({ title }, sent, refusal) {
  const rest = sent.length - MAX_SENT;
  return make(
    'details',
    {},
    make('summary', {}, 'Frames', make('span', { className: 'unseen' }, ` of ${title}`)),
    make('p', {}, 'Sent'),
    ...sent.slice(0, MAX_SENT).map(frameText),
    ...(rest > 0 ? [make('p', {}, `and ${rest} more`)] : []),
    make('p', {}, 'Received'),
    frameText(JSON.stringify(refusal)),
  );
}
