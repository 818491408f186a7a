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
  it.each(Object.keys(CODES) as Code[])('has the fixed message of its code: %s', code => {
    const error = new RefusalError(code);

    expect(error).toMatchObject({ name: 'RefusalError', code, message: factsOf(code).message });
  });

  it('is an error of this library', () => {
    const error = new RefusalError('INTERNAL');

    expect(error).toBeInstanceOf(SemanticEventsError);
    expect(error).toBeInstanceOf(Error);
  });

  it('carries retryAfter in milliseconds, only if known', () => {
    expect(new RefusalError('RATE_LIMITED', 750).retryAfter).toBe(750);
    expect(new RefusalError('RATE_LIMITED').retryAfter).toBeUndefined();
  });
});

describe('RefusalError with frozen built-ins', () => {
  const { stackTraceLimit } = Error;
  const setWritable = (writable: boolean) =>
    Object.defineProperty(Error, 'stackTraceLimit', { value: stackTraceLimit, writable });

  beforeEach(() => setWritable(false));
  afterEach(() => setWritable(true));

  it('is the same as without', () => {
    expect(new RefusalError('REPLAY_DETECTED').code).toBe('REPLAY_DETECTED');
    expect(new RefusalException('REPLAY_DETECTED').code).toBe('REPLAY_DETECTED');
  });
});

describe('SemanticEventsConfigError', () => {
  const problems = [
    'signing.keys must name at least one key',
    'auth must have exactly one of jwt, oidc and validateToken',
  ];
  const error = new SemanticEventsConfigError(problems);

  it('lists every problem, one per line', () => {
    expect(error.problems).toEqual(problems);
    expect(error.message.split('\n')).toEqual([
      'nestjs-semantic-events is not configured safely:',
      '  - signing.keys must name at least one key',
      '  - auth must have exactly one of jwt, oidc and validateToken',
    ]);
  });

  it('prints each problem once', () => {
    const printed = inspect(error);
    for (const problem of problems) expect(printed.split(problem)).toHaveLength(2);
  });

  it('is a SemanticEventsError whose code is not that of a rejection', () => {
    expect(error).toBeInstanceOf(SemanticEventsError);
    expect(error).not.toBeInstanceOf(RefusalError);
    expect(error).toMatchObject({ name: 'SemanticEventsConfigError', code: 'INVALID_CONFIG' });
    expect(Object.keys(CODES)).not.toContain(error.code);
  });
});
