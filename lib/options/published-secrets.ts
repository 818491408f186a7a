/** Published secrets: in PROTOCOL.md of this library, and at jwt.io. */
const PUBLISHED: readonly (readonly [secret: string, encoding: 'utf8' | 'hex' | 'base64url'])[] = [
  ['ring-key-of-the-test-vectors-32b', 'utf8'],
  ['rnO59CLr0dTc-PfnXegp7DuUf3BFdXRdWGpHWSGNKY8', 'base64url'],
  ['000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex'],
  ['A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg', 'base64url'],
  ['0123456789abcdef0123456789abcdef', 'utf8'],
  ['1KCWR-Hr46ZbfouwohfrDnAgdijk04NKYI_Umo8lDZU', 'base64url'],
  ['H2a1vN4eOfP2-FDjVyMDf8xZ0lLYh8etTG2znCCnl4E', 'base64url'],
  ['a-string-secret-at-least-256-bits-long', 'utf8'],
  ['a-valid-string-secret-that-is-at-least-384-bits-long', 'utf8'],
  ['a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long', 'utf8'],
];

/** The bytes of these secrets, and the bytes of their usual texts. */
const known = new Set(
  PUBLISHED.flatMap(([secret, encoding]) => {
    const bytes = Buffer.from(secret, encoding);
    const texts = (['hex', 'base64', 'base64url'] as const).map(form => bytes.toString(form));
    return [bytes, ...texts.map(text => Buffer.from(text))].map(form => form.toString('base64'));
  }),
);

/** Returns whether a secret is published, in one of its usual forms. */
export function isPublishedSecret(secret: string | Uint8Array): boolean {
  return known.has(Buffer.from(secret).toString('base64'));
}
