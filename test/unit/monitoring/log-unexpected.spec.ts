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

  it('does not show what is thrown without being an error', () => {
    expect(logged('secret text')).toBe('Not an error, but thrown: string');
  });
});
