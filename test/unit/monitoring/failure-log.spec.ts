import { FailureLog } from '../../../lib/monitoring/failure-log.js';
import { FakeClock } from '../../helpers/fake-clock.js';

function setUp() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = new FailureLog({ error: (line: string) => lines.push(line) }, clock, 1_000);
  return { clock, lines, log };
}

const CANARY = 'canary.of.a.token';

describe('FailureLog', () => {
  it('logs a repeated failure once per interval, and counts the others', () => {
    const { clock, lines, log } = setUp();
    for (let second = 0; second < 3; second++) {
      for (let count = 0; count < 10_000; count++) log.log('it', new Error('x'));
      clock.advance(1_000);
    }
    expect(lines.map(line => line.split('\n')[0])).toEqual([
      'it threw Error',
      'it threw Error (9999 more failures since the last line)',
      'it threw Error (9999 more failures since the last line)',
    ]);
  });

  it('distinguishes failures by error class and stack, and never logs the message', () => {
    const { clock, lines, log } = setUp();
    const renamed = Object.assign(new Error(CANARY), { name: 'Odd\nName' });
    // The message was changed after the stack was created.
    const rewritten = Object.assign(new Error('another'), { stack: `Error: x\n    at ${CANARY}` });
    const cut = Object.assign(new Error('x'), { stack: `Error: x ${CANARY}\n${CANARY}\n` });
    const forged = new TypeError(`x\n    at ${CANARY} (file.js:1:1)\n    at ${CANARY}`);
    for (const error of [renamed, rewritten, forged, cut, CANARY, undefined, { message: CANARY }]) {
      log.log('it', error);
      clock.advance(1_000);
    }
    expect(lines.map(line => line.split('\n')[0])).toEqual([
      'it threw Odd\\u{a}Name',
      'it threw Error',
      'it threw TypeError',
      'it threw Error',
      'it threw a value that is not an Error: string',
      'it threw a value that is not an Error: undefined',
      'it threw a value that is not an Error: object',
    ]);
    expect(lines.join('\n')).not.toContain(CANARY);
    for (const line of [lines[0], lines[2]]) expect(line).toMatch(/\n {4}at .*failure-log\.spec/);
  });
});
