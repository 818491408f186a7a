import { closingOf } from '../../../../lib/connection/guarded/closing-of.js';
import { type Code, CODES, factsOf } from '../../../../lib/protocol/index.js';

const codes = Object.keys(CODES) as Code[];
const closings = (code: Code, isAnonymous: boolean, isForgiven: boolean) => {
  let strikes = 0;
  const closing = closingOf(code, isAnonymous, () => {
    strikes++;
    return isForgiven;
  });
  return { closing, strikes };
};

const ALWAYS: Code[] = codes.filter(code => factsOf(code).closes === 'always');
const FLOODS: Code[] = [
  'RATE_LIMITED',
  'BAD_FRAME',
  'UNKNOWN_EVENT',
  'INVALID_EVENT',
  'FORBIDDEN',
  'REPLAY_DETECTED',
  'EVENT_EXPIRED',
];
const FLOOD = { close: 4429, reason: 'RATE_LIMITED', isRepeated: true };

describe('a refusal', () => {
  it.each(ALWAYS)('with %s closes the connection with its own close code at once', code => {
    for (const isAnonymous of [false, true]) {
      const { closing, strikes } = closings(code, isAnonymous, true);
      expect(closing).toEqual({ close: factsOf(code).close, reason: code, isRepeated: false });
      expect(closing?.close).toBeGreaterThanOrEqual(1000);
      expect(strikes).toBe(0);
    }
  });

  it('with UNAUTHENTICATED closes only a connection that is not authenticated', () => {
    expect(closings('UNAUTHENTICATED', true, true).closing).toEqual({
      close: 4401,
      reason: 'UNAUTHENTICATED',
      isRepeated: false,
    });
    expect(closings('UNAUTHENTICATED', false, false)).toEqual({ closing: undefined, strikes: 0 });
  });

  it.each(FLOODS)('with %s closes the connection as a flood, once it is not forgiven', code => {
    expect(closings(code, false, true)).toEqual({ closing: undefined, strikes: 1 });
    expect(closings(code, false, false)).toEqual({ closing: FLOOD, strikes: 1 });
  });

  it('with a wrong signature or an outage closes with a code of its own, once it is not forgiven', () => {
    for (const [code, close] of [
      ['INVALID_SIGNATURE', 1008],
      ['UNAVAILABLE', 1013],
    ] as const) {
      expect(closings(code, false, true)).toEqual({ closing: undefined, strikes: 1 });
      expect(closings(code, false, false).closing).toEqual({
        close,
        reason: code,
        isRepeated: true,
      });
    }
  });

  it('that only the server or the application can cause is no offence', () => {
    const others = codes.filter(
      code =>
        ![...ALWAYS, ...FLOODS, 'UNAUTHENTICATED', 'INVALID_SIGNATURE', 'UNAVAILABLE'].includes(
          code,
        ),
    );
    expect(others).toEqual(['REJECTED', 'INTERNAL']);
    for (const code of others)
      expect(closings(code, true, false)).toEqual({ closing: undefined, strikes: 0 });
  });
});
