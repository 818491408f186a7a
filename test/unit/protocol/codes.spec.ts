import {
  type Closes,
  type Code,
  CODES,
  factsOf,
  HANDSHAKE_CODES,
  type Retry,
} from '../../../lib/protocol/index.js';

type Row = [code: Code, status: number | undefined, close: number | undefined, Closes, Retry];

/** The table of PROTOCOL.md. */
const TABLE: Row[] = [
  ['BAD_FRAME', 400, undefined, 'never', 'after-fix'],
  ['INVALID_EVENT', 422, undefined, 'never', 'after-fix'],
  ['UNKNOWN_EVENT', 404, undefined, 'never', 'never'],
  ['UNAUTHENTICATED', 401, 4401, 'before-authentication', 'after-authentication'],
  ['AUTH_FAILED', 401, 4401, 'always', 'with-new-token'],
  ['AUTH_TIMEOUT', 408, 4408, 'always', 'reconnect'],
  ['SESSION_EXPIRED', 401, 4401, 'always', 'with-new-token'],
  ['FORBIDDEN', 403, undefined, 'never', 'never'],
  ['REJECTED', 400, undefined, 'never', 'never'],
  ['INVALID_SIGNATURE', 401, undefined, 'never', 'never'],
  ['EVENT_EXPIRED', 410, undefined, 'never', 'with-new-event'],
  ['REPLAY_DETECTED', 409, undefined, 'never', 'with-new-event'],
  ['RATE_LIMITED', 429, 4429, 'when-repeated', 'after-delay'],
  ['UNSUPPORTED_FRAME', 415, 1003, 'always', 'never'],
  ['MESSAGE_TOO_LARGE', 413, 1009, 'always', 'never'],
  ['SLOW_CONSUMER', undefined, 4508, 'always', 'reconnect'],
  ['IDLE_TIMEOUT', undefined, 4000, 'always', 'reconnect'],
  ['REVOKED', undefined, 4403, 'always', 'never'],
  ['SERVER_SHUTDOWN', undefined, 1001, 'always', 'reconnect'],
  ['UNAVAILABLE', 503, 1013, 'when-repeated', 'after-delay'],
  ['INTERNAL', 500, undefined, 'never', 'maybe'],
];

const codes = Object.keys(CODES) as Code[];

describe('CODES', () => {
  it.each(TABLE)(
    '%s has status %p, close code %p, closes %s and retry advice %s',
    (code, status, close, closes, retry) => {
      expect(factsOf(code)).toEqual({
        status,
        close,
        closes,
        retry,
        message: expect.any(String) as string,
      });
    },
  );

  it('has exactly the codes of the protocol', () => {
    expect(codes).toEqual(TABLE.map(([code]) => code));
  });

  it('has a different message for each code, in one printable line', () => {
    const messages = codes.map(code => factsOf(code).message);

    expect(new Set(messages).size).toBe(codes.length);
    for (const message of messages) expect(message).toMatch(/^[A-Z][ -~]{5,99}$/);
  });

  it.each(codes)('%s closes if and only if it has a close code', code => {
    const { close, closes } = factsOf(code);

    expect(close === undefined).toBe(closes === 'never');
  });

  it.each(codes)('%s has a close code an endpoint may send (RFC 6455, section 7.4)', code => {
    const { close = 1000 } = factsOf(code);

    expect([1000, 1001, 1003, 1009, 1013].includes(close) || (close >= 4000 && close <= 4999)).toBe(
      true,
    );
  });
});

describe('HANDSHAKE_CODES', () => {
  it('has the statuses of the protocol', () => {
    const statuses = Object.entries(HANDSHAKE_CODES).map(([code, { status }]) => [code, status]);

    expect(statuses).toEqual([
      ['BAD_HANDSHAKE', 400],
      ['ORIGIN_REJECTED', 403],
      ['UNKNOWN_PATH', 404],
      ['TLS_REQUIRED', 426],
      ['TOO_MANY_CONNECTIONS', 429],
      ['SERVER_FULL', 503],
    ]);
  });
});
