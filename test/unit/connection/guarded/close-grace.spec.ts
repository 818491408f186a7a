import { jest } from '@jest/globals';
import { closedOrLate } from '../../../../lib/connection/guarded/close-grace.js';

describe('the end of a connection at shutdown', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is when it is closed', async () => {
    let close: () => void = () => undefined;
    const closed = new Promise<void>(resolve => (close = resolve));
    const ended = closedOrLate(closed);
    close();
    await ended;
  });

  it('is after a second if the client does not close', async () => {
    let hasEnded = false;
    void closedOrLate(new Promise(() => undefined)).then(() => (hasEnded = true));
    await jest.advanceTimersByTimeAsync(999);
    expect(hasEnded).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(hasEnded).toBe(true);
  });
});
