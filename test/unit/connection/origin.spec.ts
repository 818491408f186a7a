import * as fc from 'fast-check';
import { normalizeOrigin, validateOrigin } from '../../../lib/protocol/index.js';

fc.configureGlobal({ seed: 20_261_128 });

const ALLOWED = [
  'https://myapp.com',
  'https://*.tenants.com',
  'http://localhost:3000',
  'ws://myapp.com:80',
];

describe('validateOrigin', () => {
  it.each([
    'https://myapp.com',
    'https://a.tenants.com',
    'https://a.b.tenants.com',
    'http://localhost:3000',
  ])('accepts %s, which is on the list', origin => {
    expect(validateOrigin(origin, ALLOWED)).toBe(true);
  });

  it.each([
    ['empty', ''],
    ['the null origin', 'null'],
    ['another scheme', 'http://myapp.com'],
    ['a WebSocket scheme', 'wss://myapp.com'],
    ['another port', 'https://myapp.com:8443'],
    ['an explicit default port', 'https://myapp.com:443'],
    ['user info', 'https://myapp.com@evil.com'],
    ['user info before the real host', 'https://good@myapp.com'],
    ['an empty user info', 'https://@myapp.com'],
    ['a prefixed name', 'https://evilmyapp.com'],
    ['the name as a subdomain of another', 'https://myapp.com.evil.com'],
    ['a subdomain', 'https://www.myapp.com'],
    ['a trailing dot', 'https://myapp.com.'],
    ['upper case', 'https://MyApp.com'],
    ['an upper-case scheme', 'HTTPS://myapp.com'],
    ['a path', 'https://myapp.com/'],
    ['a query', 'https://myapp.com?'],
    ['a fragment', 'https://myapp.com#'],
    ['leading white space', ' https://myapp.com'],
    ['trailing white space', 'https://myapp.com '],
    ['a line break', 'https://myapp.com\n'],
    ['a tab inside, which URL parsers drop', 'https://my\tapp.com'],
    ['a backslash', 'https:\\\\myapp.com'],
    ['no slashes', 'https:myapp.com'],
    ['two origins', 'https://myapp.com, https://evil.com'],
    ['a percent-encoded name', 'https://%6Dyapp.com'],
    ['a full-width letter, which normalizes to the name', 'https://ｍyapp.com'],
    ['a look-alike letter', 'https://myаpp.com'],
    ['a look-alike in punycode', 'https://xn--mypp-7fd.com'],
    ['the apex of a wildcard', 'https://tenants.com'],
    ['an empty label before a wildcard', 'https://.tenants.com'],
    ['a name that ends like a wildcard', 'https://eviltenants.com'],
    ['a wildcard’s name within another', 'https://a.tenants.com.evil.com'],
    ['a subdomain with another scheme', 'http://a.tenants.com'],
    ['a subdomain on another port', 'https://a.tenants.com:8443'],
    ['a subdomain with a trailing dot', 'https://a.tenants.com.'],
    ['a star', '*'],
    ['a file', 'file://'],
    ['an object member', 'constructor'],
    ['a WebSocket scheme with a port that is listed as text', 'ws://myapp.com:80'],
    ['the host alone', 'myapp.com'],
    ['the wildcard itself', 'https://*.tenants.com'],
  ])('rejects %s', (_, origin) => {
    expect(validateOrigin(origin, ALLOWED, { allowNoOrigin: true })).toBe(false);
  });

  it('accepts a missing origin only if allowNoOrigin is set', () => {
    expect(validateOrigin(undefined, ALLOWED)).toBe(false);
    expect(validateOrigin(undefined, ALLOWED, { allowNoOrigin: false })).toBe(false);
    expect(validateOrigin(undefined, [], { allowNoOrigin: true })).toBe(true);
  });

  it('accepts any origin for *, but not a missing one', () => {
    expect(validateOrigin('https://anything.example', ['*'])).toBe(true);
    expect(validateOrigin(undefined, ['*'])).toBe(false);
  });

  it('rejects every origin if the list is empty', () => {
    expect(validateOrigin('https://myapp.com', [])).toBe(false);
  });

  it('accepts IPv6 hosts and internationalized names in the form browsers send', () => {
    expect(validateOrigin('http://[::1]:3000', ['http://[::1]:3000'])).toBe(true);
    expect(validateOrigin('http://[0:0::1]:3000', ['http://[::1]:3000'])).toBe(false);
    expect(validateOrigin('https://xn--mnchen-3ya.de', ['https://xn--mnchen-3ya.de'])).toBe(true);
    expect(validateOrigin('https://münchen.de', ['https://xn--mnchen-3ya.de'])).toBe(false);
  });

  it.each([
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'app://my-app:8080',
    'app://.',
    'app://-',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    'safari-web-extension://0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9',
  ])('accepts %s if exactly that is on the list', origin => {
    expect(normalizeOrigin(origin)).toBe(origin);
    expect(validateOrigin(origin, [origin])).toBe(true);
    for (const other of [
      `${origin}.evil`,
      `${origin}/`,
      `${origin}@evil`,
      `x${origin}`,
      `${origin}:1`,
    ])
      expect(validateOrigin(other, [origin])).toBe(false);
    expect(validateOrigin(origin, ALLOWED)).toBe(false);
  });

  it.each([
    'file://',
    'file://host',
    'data://x',
    'capacitor://*.x',
    'capacitor://',
    'a://b/c',
    'a://b@c',
  ])('does not allow %s on the list', entry => {
    expect(normalizeOrigin(entry)).toBeUndefined();
  });

  it('never throws, and accepts only what is literally on the list', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.domain());
    fc.assert(
      fc.property(text, origin => {
        expect(validateOrigin(origin, ['https://myapp.com'])).toBe(origin === 'https://myapp.com');
      }),
    );
  });
});

describe('normalizeOrigin', () => {
  it.each([
    ['https://MyApp.com', 'https://myapp.com'],
    ['https://myapp.com:443', 'https://myapp.com'],
    ['http://myapp.com:80/', 'http://myapp.com'],
    ['https://*.MyApp.com:443', 'https://*.myapp.com'],
    ['HTTPS://*.myapp.com', 'https://*.myapp.com'],
    ['https://münchen.de', 'https://xn--mnchen-3ya.de'],
    ['*', '*'],
  ])('normalizes %s', (entry, expected) => {
    expect(normalizeOrigin(entry)).toBe(expected);
  });

  it.each([
    '',
    'null',
    'myapp.com',
    '**',
    'https://a.*.com',
    'https://**.com',
    'https://x/path',
    'about:blank',
    'https://myapp.com, https://*.tenants.com',
    'https://*.tenants.com\n.evil.com',
  ])('returns undefined for %j, which is not an origin', entry => {
    expect(normalizeOrigin(entry)).toBeUndefined();
  });
});
