// @ts-check
import { make, part } from './dom.js';
import { isAdmin } from './http.js';
import { TimePlot } from './time-plot.js';

/** The maximum number of kinds and codes. The server has a few dozen. */
const MAX_LABELS = 100;
const REFUSALS = /^(refused|closed|handshakeRefused|attemptFailed|attemptsExhausted)\b/;

/**
 * Shows the security events of the server live, to users who may subscribe to `system.**`.
 *
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
 * @param {import('./http.js').Session} session
 */
export function showSecurity(client, session) {
  const status = part('security-status');
  if (!isAdmin(session)) {
    status.textContent = 'Only admins can see security events: log in as alice.';
    return;
  }
  const plot = new TimePlot(part('security-plot'), part('security-peak'));
  /** @type {Map<string, number>} */
  const totals = new Map();

  const subscription = client.subscribe('system.**', ({ type, time, data }) => {
    if (type !== 'system.security') return;
    const { counts } = /** @type {{ counts: Record<string, number> }} */ (data);
    for (const [label, count] of Object.entries(counts)) {
      if (!totals.has(label) && totals.size >= MAX_LABELS) continue;
      totals.set(label, (totals.get(label) ?? 0) + count);
      plot.add(Date.parse(time ?? ''), count, REFUSALS.test(label));
    }
    part('security-counts').replaceChildren(...rowsOf(totals));
  });

  subscription.ready.then(
    () => {
      status.textContent = 'The server sends these counts once a second.';
      part('security-live').hidden = false;
      plot.start();
    },
    error => {
      status.textContent = `The server rejected the subscription: ${error.code}`;
    },
  );
}

/**
 * Returns the rows, the most frequent first.
 *
 * @param {Map<string, number>} totals
 */
function rowsOf(totals) {
  const rows = [...totals].sort(([, a], [, b]) => b - a);
  return rows.map(([label, count]) => {
    const [kind = '', code = ''] = label.split(' ');
    const cells = [make('td', {}, kind), make('td', {}, make('code', {}, code))];
    return make('tr', {}, ...cells, make('td', { className: 'number' }, String(count)));
  });
}
