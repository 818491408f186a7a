import { createHmac, createSecretKey } from 'node:crypto';
import { readToken, signToken } from '../../../lib/auth/ticket-token.js';

const key = createSecretKey(Buffer.alloc(32, 1));
const other = createSecretKey(Buffer.alloc(32, 2));
const HEADER = { alg: 'HS256', typ: 'ticket+jwt', kid: 'main' };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A token with a valid signature, whatever its header is. */
const signed = (header: unknown, claims: unknown = { user: 'alice' }) => {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
};
const keyOf = (id: string) => ({ main: key, other })[id];
const read = (token: string) => readToken(token, keyOf);

describe('the token of a ticket', () => {
  it('is a JSON Web Token with HMAC-SHA256', () => {
    expect(signToken({ user: 'alice' }, { id: 'main', key })).toBe(signed(HEADER));
    expect(read(signed(HEADER))).toEqual({ user: 'alice' });
  });

  it.each<[string, unknown]>([
    ['another algorithm', { ...HEADER, alg: 'HS512' }],
    ['no algorithm', { ...HEADER, alg: 'none' }],
    ['another type', { ...HEADER, typ: 'JWT' }],
    ['no type', { alg: 'HS256', kid: 'main' }],
    ['no key', { alg: 'HS256', typ: 'ticket+jwt' }],
    ['a key id that is not text', { ...HEADER, kid: ['main'] }],
    ['an unknown key', { ...HEADER, kid: 'unknown' }],
    ['the key of another token', { ...HEADER, kid: 'other' }],
    ['an extension', { ...HEADER, crit: [] }],
    ['any other member', { ...HEADER, x: undefined, y: 1 }],
    ['null as its header', null],
    ['a text as its header', 'HS256'],
  ])('is rejected with %s, even if the signature is valid', (_, header) => {
    expect(read(signed(header))).toBeUndefined();
  });

  it('is rejected with a further part, or with a signature of another length', () => {
    const token = signed(HEADER);
    expect(read(`${token}.`)).toBeUndefined();
    expect(read(`${token}.x`)).toBeUndefined();
    const [header, body] = token.split('.') as [string, string];
    expect(read(`${header}.${body}.`)).toBeUndefined();
    expect(read(`${header}.${body}`)).toBeUndefined();
  });

  it.each(['', '.', '..', 'a.b.c'])('throws SyntaxError for %j', token => {
    expect(() => read(token)).toThrow(SyntaxError);
  });
});
