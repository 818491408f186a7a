import { logUnexpected } from '../../../lib/monitoring/index.js';

const logged = (error: unknown): string => {
  const lines: string[] = [];
  logUnexpected({ error: (line: string) => lines.push(line) }, error);
  return lines.join('\n---\n');
};

describe('logUnexpected', () => {
  it('keeps what a peer may have put into a message on one line', () => {
    const text = logged(new Error('x\nFAKE LOG LINE\n    at fake (file.js:1:1)'));
    expect(text.split('\n')[0]).toBe('Error: x\\u{a}FAKE LOG LINE\\u{a}    at fake (file.js:1:1)');
    expect(text).not.toContain('\nFAKE');
  });

  it('keeps the stack, which says where it happened', () => {
    expect(logged(new TypeError('oops'))).toMatch(/^TypeError: oops\n\s+at .*log-unexpected/);
  });

  it('bounds the message', () => {
    const [line = ''] = logged(new Error('x'.repeat(100_000))).split('\n');
    expect(line.length).toBeLessThan(600);
  });

  it('is no way for a peer to fill the log: what goes on is told once a second, and how often it was not', () => {
    const lines: string[] = [];
    const logger = { error: (line: string) => lines.push(line) };
    for (let at = 0; at < 10_000; at++) logUnexpected(logger, new Error(`${at}`), at);
    // Fifty at once, and one a second from then on.
    expect(lines).toHaveLength(50 + 9);
    logUnexpected(logger, new Error('last'), 10_000);
    expect(lines.at(-1)).toMatch(/ \(and \d+ others before\)$/);
    const untold = lines.map(line => Number(/and (\d+) others before/.exec(line)?.[1] ?? 0));
    expect(lines.length + untold.reduce((sum, count) => sum + count)).toBe(10_001);
  });

  it('does not show what is thrown without being an error', () => {
    expect(logged('secret text')).toBe('Not an error, but thrown: string');
  });
});
