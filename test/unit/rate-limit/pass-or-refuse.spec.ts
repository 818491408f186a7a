import { passOrRefuse } from '../../../lib/rate-limit/token-bucket.js';

const decision = { allowed: true, remaining: 0, retryAfter: 0, resetAfter: 10 };

describe('passOrRefuse', () => {
  it('passes what was allowed', () => {
    expect(passOrRefuse(decision)).toBe(true);
  });

  it('refuses the rest, with the time to wait', () => {
    expect(() => passOrRefuse({ ...decision, allowed: false, retryAfter: 7 })).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', retryAfter: 7 }),
    );
  });
});
