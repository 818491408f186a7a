// @ts-check
import { make, part } from './dom.js';
import { TimePlot } from './time-plot.js';

/** Kinds and codes told apart; the server has some dozens. */
const MAX_LABELS = 100;
const REFUSALS = /^(refused|closed|handshakeRefused|attemptFailed|attemptsExhausted)\b/;

/**
 * What happens to the security of the server, as it happens: for those who may listen to `system.**`.
 *
 * @param {import('/nestjs-semantic-events/client/index.js').SemanticEventsClient} client
 */
export function showSecurity(client) {
  const status = part('security-status');
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
      status.textContent = 'Told by the server as they happen, once a second.';
      part('security-live').hidden = false;
      plot.start();
    },
    error => {
      status.textContent = `These are for admins. The server’s answer to the subscription: ${error.code}`;
    },
  );
}

/**
 * The most frequent first.
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
