import { readFileSync } from 'node:fs';
import { CODES, factsOf, HANDSHAKE_CODES, type Code } from '../../../lib/protocol/index.js';

const page = readFileSync('PROTOCOL.md', 'utf8');

const cellsOf = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim());

/** Returns the rows of the table with the given header. */
function table(...columns: string[]): string[][] {
  const lines = page.split('\n');
  const head = lines.findIndex(line => cellsOf(line).join() === columns.join());
  const rows = lines.slice(head + 2);
  return rows
    .slice(
      0,
      rows.findIndex(line => !line.startsWith('|')),
    )
    .map(cellsOf);
}

const ADVICE: Record<string, string> = {
  never: 'do not retry',
  'after-fix': 'fix the frame before you resend it',
  'after-authentication': 'authenticate first',
  'with-new-event': 'make a new event',
  maybe: 'may retry',
};

function closeCell(code: Code): string {
  const { close, closes } = factsOf(code);
  if (close === undefined) return '—';
  if (closes === 'before-authentication') return `${close} before authentication`;
  return closes === 'when-repeated' ? `${close} when repeated` : String(close);
}

describe('PROTOCOL.md', () => {
  it('lists every code, with its status and close code', () => {
    const rows = table('code', 'status', 'close', 'client should');
    expect(rows.map(([code, status, close]) => [code, status, close])).toEqual(
      (Object.keys(CODES) as Code[]).map(code => [
        code,
        String(factsOf(code).status ?? '—'),
        closeCell(code),
      ]),
    );
  });

  it('gives the retry advice of the code table', () => {
    for (const [code, , , advice] of table('code', 'status', 'close', 'client should')) {
      const expected = ADVICE[factsOf(code as Code).retry];
      if (expected) expect([code, advice]).toEqual([code, expected]);
      else expect(advice).toMatch(/wait|retry|reconnect|new token/);
    }
  });

  it('lists every handshake rejection, with its status', () => {
    expect(table('code', 'status', 'why').map(([code, status]) => [code, status])).toEqual(
      Object.entries(HANDSHAKE_CODES).map(([code, { status }]) => [code, String(status)]),
    );
  });
});
