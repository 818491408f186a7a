import {
  type Code,
  CODES,
  describeRefusal,
  encodeFrame,
  errorFrame,
  EVENT_ENVELOPE,
  exceptionFrame,
  factsOf,
} from '../../../lib/protocol/index.js';

const codes = Object.keys(CODES) as Code[];
const parse = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('errorFrame', () => {
  it.each(codes)('has exactly the status and message of the code %s', code => {
    const { status, message } = factsOf(code);
    const known = status === undefined ? {} : { status };

    expect(parse(errorFrame(code))).toStrictEqual({ type: 'error', code, ...known, message });
  });

  it('contains the retry delay in seconds and the id of the rejected event', () => {
    expect(parse(errorFrame('RATE_LIMITED', { retryAfter: 750, id: 'e-1' }))).toStrictEqual({
      type: 'error',
      code: 'RATE_LIMITED',
      status: 429,
      message: 'Too many requests',
      retry_after: 0.75,
      id: 'e-1',
    });
  });

  it.each([
    [0, 0],
    [0.001, 0.001],
    [0.999, 0.001],
    [1, 0.001],
    [1.000_001, 0.002],
    [749.01, 0.75],
    [1_000, 1],
    [1_000.5, 1.001],
    [86_400_000, 86_400],
  ])(
    'rounds a delay of %d ms up to %d s, so that no client retries too early',
    (retryAfter, seconds) => {
      const frame = parse(errorFrame('RATE_LIMITED', { retryAfter }));

      expect(frame.retry_after).toBe(seconds);
      expect(seconds * 1_000).toBeGreaterThanOrEqual(retryAfter);
    },
  );

  it('contains the reason for operators only if errors are verbose', () => {
    for (const reason of ['why', () => 'why']) {
      expect(errorFrame('FORBIDDEN', { reason })).toBe(errorFrame('FORBIDDEN'));
      expect(errorFrame('FORBIDDEN', { reason }, false)).toBe(errorFrame('FORBIDDEN'));
      expect(parse(errorFrame('FORBIDDEN', { reason }, true)).reason).toBe('why');
      expect(parse(exceptionFrame('FORBIDDEN', { reason }))).toEqual({
        event: 'exception',
        data: describeRefusal('FORBIDDEN'),
      });
    }
    expect(describeRefusal('FORBIDDEN', { reason: 'why' }).reason).toBeUndefined();
  });

  it('contains the status, message and reason that the application has chosen for a rejection', () => {
    const rejection = { status: 409, message: 'gone', reason: 'out-of-stock' };
    for (const isVerbose of [false, true])
      expect(parse(errorFrame('REJECTED', { reason: 'why', rejection }, isVerbose))).toEqual({
        type: 'error',
        code: 'REJECTED',
        ...rejection,
      });
  });

  it('omits members that are undefined', () => {
    const frame = errorFrame('FORBIDDEN', { retryAfter: undefined, id: undefined });

    expect(Object.keys(parse(frame))).toEqual(['type', 'code', 'status', 'message']);
  });
});

describe('exceptionFrame', () => {
  it.each(codes)("of %s has the content of an error frame in Nest's form", code => {
    for (const details of [
      undefined,
      {},
      { retryAfter: 1.5 },
      { id: 'e-1' },
      { retryAfter: 0, id: 'x' },
    ]) {
      const { type, ...members } = parse(errorFrame(code, details));

      expect(type).toBe('error');
      expect(parse(exceptionFrame(code, details))).toStrictEqual({
        event: 'exception',
        data: members,
      });
    }
  });
});

describe('encodeFrame', () => {
  it.each([
    [{ type: 'pong', time: '2026-11-23T10:00:00.000Z' }] as const,
    [{ type: 'auth_expiring', expires_in: 60 }] as const,
    [
      {
        type: 'auth_success',
        client_id: 'c-1',
        user_id: 'u-1',
        expires_at: '2026-11-23T11:00:00.000Z',
        signing: { scheme: 'v1', key_id: 's-1', key: 'AAAA' },
      },
    ] as const,
  ])('writes %j as JSON', frame => {
    expect(parse(encodeFrame(frame))).toStrictEqual(frame);
  });

  it('of an event begins with a fixed text, which deliveries use', () => {
    expect(JSON.stringify({ type: 'event', event: {} })).toBe(`${EVENT_ENVELOPE}{}}`);
  });

  it('writes one line, so that no text in a frame can look like another frame', () => {
    expect(encodeFrame({ type: 'pong', time: 'a\n{"type":"error"}' })).not.toContain('\n');
  });
});
