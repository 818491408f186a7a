import fc from 'fast-check';
import { normalizeOrigin, validateOrigin } from '../../lib/protocol/index.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 3_000 });

const schemes = fc.constantFrom('https', 'http', 'wss', 'HTTPS', 'file', 'chrome-extension');
const hosts = fc.constantFrom(
  'myapp.com',
  'a.myapp.com',
  'a.b.myapp.com',
  'evilmyapp.com',
  'myapp.com.evil',
  'myapp.com.',
  'MyApp.com',
  'xn--mnchen-3ya.de',
  'münchen.de',
  '127.0.0.1',
  '0x7f.1',
  '[::1]',
  '*.myapp.com',
  '.myapp.com',
  'com',
);
const ports = fc.constantFrom('', ':80', ':443', ':8443', ':', ':0443');
const userInfo = fc.constantFrom('', '', '', 'good@', 'https://myapp.com@', '@');
const tails = fc.constantFrom('', '', '', '/', '?', '#', ' ', '\t', '\\', '/..', '%00', ', null');
/** Similar origins, so that many match each other's list. */
const plain = fc
  .tuple(fc.constantFrom('https', 'http'), hosts, fc.constantFrom('', '', ':8443'))
  .map(([scheme, host, port]) => `${scheme}://${host}${port}`);
const origins = fc.oneof(
  { weight: 3, arbitrary: plain },
  fc
    .tuple(schemes, fc.constantFrom('://', '://', ':', ':\\\\'), userInfo, hosts, ports, tails)
    .map(parts => parts.join('')),
  fc.webUrl().map(url => url.replace(/\/.*$/, '')),
  fc.webUrl(),
  fc.string({ unit: 'binary' }),
);
const entries = fc
  .oneof({ weight: 5, arbitrary: plain }, origins)
  .map(normalizeOrigin)
  .filter(entry => entry !== undefined);

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/**
 * The rule in terms of the URL parser: the same scheme and port, and the same host or a subdomain
 * of it.
 */
function isAllowed(origin: string, entry: string): boolean {
  const url = parse(origin);
  // If the parser knows no origin for the scheme, the text is compared.
  if (url?.origin === 'null' && entry === origin) return true;
  // The wildcard label is replaced by a name, so that the parser accepts the rest as a host.
  const isWildcard = entry.includes('://*.');
  const base = parse(entry.replace('://*.', '://'));
  if (!url || !base || url.origin !== origin || origin.includes('*')) return false;
  if (url.protocol !== base.protocol || url.port !== base.port) return false;
  if (!isWildcard) return url.hostname === base.hostname;
  const labels = url.hostname.split('.');
  const own = base.hostname.split('.');
  return (
    labels.length > own.length &&
    labels.slice(-own.length).join('.') === own.join('.') &&
    labels.slice(0, -own.length).join('.') !== ''
  );
}

describe('validateOrigin', () => {
  it('agrees with the URL parser on which origins match', () => {
    let allowed = 0;
    fc.assert(
      fc.property(origins, fc.array(entries, { maxLength: 5 }), (origin, list) => {
        const expected = list.some(entry => isAllowed(origin, entry));
        allowed += Number(expected);

        expect(validateOrigin(origin, list)).toBe(expected);
      }),
      { numRuns: 8_000 },
    );
    // The generator must also create matches.
    expect(allowed).toBeGreaterThan(100);
  });

  it('accepts what is on the list, and nothing that a browser would not send', () => {
    fc.assert(
      fc.property(origins, origin => {
        const { origin: serialized } = parse(origin) ?? {};
        // The parser knows no origin for some schemes. Apps have one: a scheme and a host.
        const isOfApp =
          serialized === 'null' && /^chrome-extension:\/\/[\w.-]+(:\d{1,5})?$/.test(origin);
        const isSerialized = (serialized === origin && !origin.includes('*')) || isOfApp;

        expect(validateOrigin(origin, [origin])).toBe(isSerialized);
      }),
    );
  });
});

describe('normalizeOrigin', () => {
  it('returns one normalized form or undefined', () => {
    fc.assert(
      fc.property(origins, text => {
        const entry = normalizeOrigin(text);
        if (entry !== undefined) expect(normalizeOrigin(entry)).toBe(entry);
      }),
    );
  });
});
