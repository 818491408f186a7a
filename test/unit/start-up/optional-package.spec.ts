import { SemanticEventsConfigError } from '../../../lib/protocol/index.js';
import { optionalPackage } from '../../../lib/start-up/index.js';

const need = { name: '@nestjs/absent', neededBy: 'auth.jwt' };
const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });

describe('optionalPackage', () => {
  it('returns the imported module', async () => {
    expect(await optionalPackage(async () => ({ answer: 42 }), need)).toEqual({ answer: 42 });
  });

  it('names a missing package with the version that fits the installed NestJS', async () => {
    const loading = optionalPackage(() => Promise.reject(missing('@nestjs/absent')), need);
    await expect(loading).rejects.toThrow(SemanticEventsConfigError);
    await expect(loading).rejects.toThrow(
      'auth.jwt needs the package @nestjs/absent: npm install @nestjs/absent@12',
    );
  });

  it('explains what to do if Jest cannot load it', async () => {
    const refused = new SyntaxError('Must use import to load ES Module: /app/jose/index.js');
    const need = { name: 'jose', neededBy: 'auth.oidc' };
    await expect(optionalPackage(() => Promise.reject(refused), need)).rejects.toThrow(
      'auth.oidc needs the package jose, which Jest cannot load here: it has ES modules only. ' +
        'Use Node 24.9 or later, or add jose to the exceptions of transformIgnorePatterns',
    );
  });

  it.each([
    ['it needs another missing package', missing('jsonwebtoken')],
    ['it throws while loading', new TypeError('broken')],
  ])('passes the error on if %s', async (_, error) => {
    await expect(optionalPackage(() => Promise.reject(error), need)).rejects.toBe(error);
  });
});
