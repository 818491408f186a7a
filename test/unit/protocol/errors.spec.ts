import { inspect } from 'node:util';
import { RefusalException } from '../../../lib/handler/index.js';
import {
  type Code,
  CODES,
  factsOf,
  RefusalError,
  SemanticEventsConfigError,
  SemanticEventsError,
} from '../../../lib/protocol/index.js';

describe('RefusalError', () => {
  it.each(Object.keys(CODES) as Code[])('of %s has the fixed message of its code', code => {
    const error = new RefusalError(code);

    expect(error).toMatchObject({ name: 'RefusalError', code, message: factsOf(code).message });
  });

  it('is an error of this library', () => {
    const error = new RefusalError('INTERNAL');

    expect(error).toBeInstanceOf(SemanticEventsError);
    expect(error).toBeInstanceOf(Error);
  });

  it('carries when to try again, in milliseconds, only where that is known', () => {
    expect(new RefusalError('RATE_LIMITED', 750).retryAfter).toBe(750);
    expect(new RefusalError('RATE_LIMITED').retryAfter).toBeUndefined();
  });
});

describe('a refusal where built-ins are frozen', () => {
  const { stackTraceLimit } = Error;
  const setWritable = (writable: boolean) =>
    Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable });

  beforeEach(() => setWritable(false));
  afterEach(() => setWritable(true));

  it('is what it is anywhere else', () => {
    expect(new RefusalError('REPLAY_DETECTED').code).toBe('REPLAY_DETECTED');
    expect(new RefusalException('REPLAY_DETECTED').code).toBe('REPLAY_DETECTED');
  });
});

describe('SemanticEventsConfigError', () => {
  const problems = [
    'signing.keys must name at least one key',
    'auth must have either jwt or validateToken',
  ];
  const error = new SemanticEventsConfigError(problems);

  it('lists every problem, one a line', () => {
    expect(error.problems).toEqual(problems);
    expect(error.message.split('\n')).toEqual([
      'nestjs-semantic-events is not configured safely:',
      '  - signing.keys must name at least one key',
      '  - auth must have either jwt or validateToken',
    ]);
  });

  it('shows each problem once to who prints it', () => {
    const printed = inspect(error);
    for (const problem of problems) expect(printed.split(problem)).toHaveLength(2);
  });

  it('is an error of this library with a code of its own, never that of a refusal', () => {
    expect(error).toBeInstanceOf(SemanticEventsError);
    expect(error).not.toBeInstanceOf(RefusalError);
    expect(error).toMatchObject({ name: 'SemanticEventsConfigError', code: 'INVALID_CONFIG' });
    expect(Object.keys(CODES)).not.toContain(error.code);
  });
});
