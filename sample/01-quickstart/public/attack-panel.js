// @ts-check
import { ATTACKS } from './attacks.js';
import { badge, make, part } from './dom.js';
import { RawConnection } from './raw-connection.js';

/**
 * A button for each attack, and what came of it.
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
  const button = make('button', { id: `attack-${name}`, type: 'button' }, title);
  button.addEventListener('click', async () => {
    // Not disabled, which would take the focus away.
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    result.replaceChildren('…');
    result.replaceChildren(...(await outcomeOf(attack, session)));
    button.ariaBusy = 'false';
  });
  return make('li', {}, button, make('p', {}, does), result);
}

/**
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
    const told = [badge('good', code), ` ${status}: ${message}`];
    if (!attack.closes) return told;
    return [...told, ` — then closed with ${(await connection.closed()).code}`];
  } catch (error) {
    return [badge('bad', 'not refused'), ` ${error instanceof Error ? error.message : ''}`];
  } finally {
    connection?.end();
  }
}
