import { passOrRefuse } from '../../../lib/rate-limit/token-bucket.js';

const decision = { allowed: true, remaining: 0, retryAfter: 0, resetAfter: 10 };

describe('passOrRefuse', () => {
  it('returns true if allowed', () => {
    expect(passOrRefuse(decision)).toBe(true);
  });

  it('throws otherwise, with the time to wait', () => {
    expect(() => passOrRefuse({ ...decision, allowed: false, retryAfter: 7 })).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', retryAfter: 7 }),
    );
  });
});
