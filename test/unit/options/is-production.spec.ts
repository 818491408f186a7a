import { isProduction } from '../../../lib/options/index.js';

describe('isProduction', () => {
  it.each([
    ['production', 'as it should be'],
    ['production ', 'as "set NODE_ENV=production && node main" of Windows sets it'],
    ['production\r', 'as an env file with Windows line ends sets it'],
    ['"production"', 'as Docker sets it from an env file with quotation marks'],
    ['Production', 'as .NET writes it'],
  ])('is true for %j, %s', NODE_ENV => {
    expect(isProduction({ NODE_ENV })).toBe(true);
  });

  it.each([undefined, '', 'development', 'test', 'staging', 'pre-production', 'production2'])(
    'is false for %j',
    NODE_ENV => {
      expect(isProduction({ NODE_ENV })).toBe(false);
    },
  );
});
