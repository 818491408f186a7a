import { describeError, errorText } from '../../../lib/monitoring/describe-error.js';
import { logUnexpected } from '../../../lib/monitoring/log-unexpected.js';
import { ODD_ERRORS } from '../../helpers/odd-errors.js';

describe('describeError', () => {
  it.each(Object.entries(ODD_ERRORS))('never throws for %s', (_, make) => {
    expect(typeof describeError(make())).toBe('string');
    expect(() => {
      logUnexpected({ error: () => undefined }, make());
    }).not.toThrow();
  });

  it('returns no text for a member that is not a string', () => {
    expect(errorText({ message: 7 }, 'message')).toBe('');
    expect(errorText(undefined, 'message')).toBe('');
    expect(errorText(new Error('text'), 'message')).toBe('text');
  });

  it('survives a logger that throws', () => {
    const logger = {
      error: () => {
        throw new Error('the disk is full');
      },
    };
    expect(() => {
      logUnexpected(logger, new Error('x'));
    }).not.toThrow();
  });
});
