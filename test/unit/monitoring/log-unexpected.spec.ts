import { logOnly, logUnexpected } from '../../../lib/monitoring/log-unexpected.js';

const logged = (error: unknown): string => {
  const lines: string[] = [];
  logUnexpected({ error: (line: string) => lines.push(line) }, error);
  return lines.join('\n---\n');
};
const debugged = (error: unknown): string => {
  const lines: string[] = [];
  logUnexpected({ error: () => undefined, debug: (line: string) => lines.push(line) }, error);
  return lines.join('\n---\n');
};

describe('logUnexpected', () => {
  it('logs the name and stack of an error, and not its message, which may quote event data', () => {
    for (const throwing of [
      () => JSON.parse('my PIN is 4711') as unknown,
      () => {
        throw new TypeError('no account DE89370400440532013000');
      },
    ])
      try {
        throwing();
      } catch (error) {
        expect(logged(error)).toMatch(/^Unexpected error: (?:Syntax|Type)Error\n\s+at /);
        expect(logged(error)).not.toMatch(/4711|my PIN|DE89/);
      }
  });

  it('begins the line with the text of its caller', () => {
    const lines: string[] = [];
    logOnly({ error: (line: string) => lines.push(line) }, new Error('x'), 0, 'A handler threw ');
    expect(lines[0]).toMatch(/^A handler threw Error\n\s+at .*log-unexpected/);
  });

  it('logs the message at level debug, but not in production', () => {
    const { NODE_ENV } = process.env;
    try {
      process.env.NODE_ENV = 'production';
      expect(debugged(new Error('canary'))).toBe('');
      process.env.NODE_ENV = 'test';
      expect(debugged(new Error('canary'))).toContain('canary');
    } finally {
      process.env.NODE_ENV = NODE_ENV;
    }
  });

  it('keeps a message on one line, because a client may have chosen parts of it', () => {
    const text = debugged(new Error('x\nFAKE LOG LINE\n    at fake (file.js:1:1)'));
    expect(text.split('\n')[0]).toBe('Error: x\\u{a}FAKE LOG LINE\\u{a}    at fake (file.js:1:1)');
    expect(text).not.toContain('\nFAKE');
  });

  it('truncates the message', () => {
    const [line = ''] = debugged(new Error('x'.repeat(100_000))).split('\n');
    expect(line.length).toBeLessThan(600);
  });

  it('does not let a client flood the log: after a burst it logs one line a second, with a count', () => {
    const lines: string[] = [];
    const logger = { error: (line: string) => lines.push(line) };
    for (let at = 0; at < 10_000; at++) logUnexpected(logger, new Error(`${at}`), at);
    // The burst of fifty, and then one a second.
    expect(lines).toHaveLength(50 + 9);
    logUnexpected(logger, new Error('last'), 10_000);
    expect(lines.at(-1)).toMatch(/ \(and \d+ others before\)$/);
    const skipped = lines.map(line => Number(/and (\d+) others before/.exec(line)?.[1] ?? 0));
    expect(lines.length + skipped.reduce((sum, count) => sum + count)).toBe(10_001);
  });

  it('does not log a thrown value that is not an Error', () => {
    expect(logged('secret text')).toBe('Unexpected error: a value that is not an Error: string');
  });
});
