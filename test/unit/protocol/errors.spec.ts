import { inspect } from 'node:util';
import { RefusalException } from '../../../lib/handler/index.js';
import {
  callError,
  type Code,
  CODES,
  factsOf,
  InvalidArgumentError,
  RefusalError,
  RefusedCallError,
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

describe('a refusal', () => {
  const lines = (error: Error) => error.stack?.match(/\n +at /g)?.length ?? 0;

  it('of a client records no stack, and other errors keep theirs', () => {
    expect(lines(new RefusalError('FORBIDDEN'))).toBe(0);
    expect(lines(new Error('x'))).toBeGreaterThan(0);
  });

  it('of a client hides its reason from whatever prints or serializes it', () => {
    const error = new RefusalError('FORBIDDEN', { reason: 'hunter2', retryAfter: 5 });
    expect(error).toMatchObject({ reason: 'hunter2', retryAfter: 5 });
    expect(inspect(error) + JSON.stringify(error)).not.toContain('hunter2');
  });

  it('of a call of the application names the call and the cause, with a stack that begins there', () => {
    const refusal = new RefusalError('RATE_LIMITED', { reason: () => 'slow down', retryAfter: 5 });
    const error = callError('verify', refusal) as RefusedCallError;
    expect(error).toMatchObject({ code: 'RATE_LIMITED', message: 'verify: slow down' });
    expect(error).toMatchObject({ retryAfter: 5, reason: refusal.reason });
    expect(lines(error)).toBeGreaterThan(0);
    expect(error.stack).not.toContain('new RefusedCallError');
    expect(callError('verify', new RefusalError('FORBIDDEN'))).toMatchObject({
      message: `verify: ${factsOf('FORBIDDEN').message}`,
    });
  });

  it('of an invalid event by a call is an invalid argument, with the rule', () => {
    const refusal = new RefusalError('INVALID_EVENT', { reason: 'id is missing' });
    const error = callError('sign', refusal);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({
      name: 'InvalidArgumentError',
      code: 'INVALID_ARGUMENT',
      message: 'sign: id is missing',
    });
    expect(callError('sign', new RefusalError('INVALID_EVENT'))).toMatchObject({
      message: `sign: ${factsOf('INVALID_EVENT').message}`,
    });
  });

  it('stays what it is, if a call has described it or it is another error', () => {
    const described = new RefusedCallError('inner', new RefusalError('INVALID_EVENT'));
    for (const error of [described, new Error('x'), undefined, null, 'x'])
      expect(callError('outer', error)).toBe(error);
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

  it('has the cause that it was given, and no member for none', () => {
    const cause = new Error('x');
    expect(new SemanticEventsConfigError(problems, cause).cause).toBe(cause);
    expect(Object.hasOwn(error, 'cause')).toBe(false);
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
