import { attempt, contained } from '../../../lib/monitoring/index.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { ODD_ERRORS } from '../../helpers/odd-errors.js';

let log: LogLine[] = [];

beforeEach(() => {
  log = captureLog();
});

describe('contained', () => {
  it('passes arguments and this to the callback', () => {
    const called: unknown[] = [];
    const emitter = {
      on: contained(function (this: object, ...args: [number, string]) {
        called.push(this, ...args);
      }),
    };
    emitter.on(1, 'two');
    expect(called).toEqual([emitter, 1, 'two']);
  });

  it.each(Object.entries(ODD_ERRORS))('survives a callback that throws %s', async (_, make) => {
    const ended: unknown[] = [];
    const end = (...args: unknown[]) => void ended.push(args[1]);
    contained((_socket: string) => {
      throw make();
    }, end)('by throwing');
    contained(async (_socket: string) => {
      throw make();
    }, end)('by rejecting');
    await new Promise(setImmediate);
    expect(ended).toEqual(['by throwing', 'by rejecting']);
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('survives that the end callback throws, too', () => {
    const fails = () => {
      throw new Error('x');
    };
    expect(contained(fails, fails)).not.toThrow();
    expect(() => {
      attempt(fails);
    }).not.toThrow();
  });
});
