import { readdirSync, readFileSync } from 'node:fs';
import { isPublishedSecret, resolveOptions } from '../../../lib/options/index.js';
import { EventSigner } from '../../../lib/signing/index.js';

const NOW = Date.UTC(2026, 10, 23, 10, 0, 0);
const SECRET =
  /(?:secret|key|key \((?:hex|base64url)\)): ([\w-]{32,})$|secret `([\w-]{32,})`|"(?:key|public_key)":"([\w-]{32,})"/gm;

const pages = [
  'README.md',
  'PROTOCOL.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => `docs/${file}`),
];

const secretsOn = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(SECRET)].map(found => found.slice(1).find(Boolean) ?? '');

describe('a secret of the documentation', () => {
  it('is one that the test finds', () => {
    expect(secretsOn('PROTOCOL.md').length).toBeGreaterThan(6);
  });

  it.each(pages)('is known to be public: %s', page => {
    expect(secretsOn(page).filter(secret => !isPublishedSecret(secret))).toEqual([]);
  });

  it('is known in every form, and no other secret is', () => {
    const key = Buffer.from('rnO59CLr0dTc-PfnXegp7DuUf3BFdXRdWGpHWSGNKY8', 'base64url');
    for (const form of [key, key.toString('hex'), key.toString('base64'), new Uint8Array(key)])
      expect(isPublishedSecret(form)).toBe(true);
    expect(isPublishedSecret(EventSigner.generateKey())).toBe(false);
  });

  it.each([
    [
      'signing.keys[0].secret',
      { signing: { keys: [{ id: 'a', secret: '0123456789abcdef'.repeat(2) }] } },
    ],
    ['auth.jwt.secret', { auth: { jwt: { secret: 'ring-key-of-the-test-vectors-32b' } } }],
  ])('stops an application in production, whatever its audit option: %s', (path, given) => {
    const options = {
      signing: { keys: [{ id: 'a', secret: EventSigner.generateKey() }] },
      auth: { jwt: { secret: EventSigner.generateKey() } },
      audit: 'off' as const,
      ...given,
    };
    expect(() => resolveOptions(options, NOW, false)).not.toThrow();
    expect(() => resolveOptions(options, NOW, true)).toThrow(
      `${path} is published in the documentation`,
    );
  });
});
