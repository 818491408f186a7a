import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Json } from './test-client.js';

/**
 * The test vectors of PROTOCOL.md, computed with node:crypto and the package canonicalize only,
 * without code of lib/.
 */

export const RING = { id: 'key-1', secret: 'ring-key-of-the-test-vectors-32b' };
export const CLIENT_ID = '3f9d1a52-0c1e-4a27-9d6e-6a1f1f0c2b11';
/** The private key of the Ed25519 example: 32 bytes, 0 to 31. */
const SEED = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
const PKCS8_OF_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

const event = {
  specversion: '1.0',
  type: 'order.place',
  source: 'https://shop.example/app',
  id: 'order-17',
  time: '2026-11-28T12:00:00.000Z',
  datacontenttype: 'application/json',
  semanticnonce: 'Zm9vYmFyYmF6cXV4MQ',
  data: {
    item: 'Füller “42”',
    amount: 3,
    price: 1e21,
    parts: [1.5, -2, null, true],
    ' ': '\u20ac\n',
    // Numbers and names that a JSON writer of another language writes or sorts in another way (RFC 8785, sections 3.2.2, 3.2.3).
    rates: [3.0, 1e-7, 0.000001, 1e16],
    '\ufb01': 2,
    '\ud83d\ude02': 1,
  },
};

export interface Vector {
  readonly title: string;
  readonly event: Json;
  readonly scheme: 'v1' | 'v1e';
  readonly direction: 'c2s' | 's2c';
  readonly keyId: string;
  /** The key derivation, as the page shows it. */
  readonly key: Record<string, string>;
  readonly canonical: string;
  readonly signature: string;
}

export function vectors(): Vector[] {
  const ring = Buffer.from(RING.secret);
  const session = Buffer.from(
    hkdfSync('sha256', ring, CLIENT_ID, 'semantic-events/v1/session', 32),
  );
  const pair = createPrivateKey({
    key: Buffer.concat([PKCS8_OF_ED25519, SEED]),
    format: 'der',
    type: 'pkcs8',
  });
  return [
    macVector('A client signs with a ring key', event, 'c2s', RING.id, ring, {
      secret: RING.secret,
      'key (hex)': ring.toString('hex'),
    }),
    macVector(
      'The server signs a reply with the session key of a connection',
      { ...event, type: 'order.place.reply', semanticcorrelationid: 'order-17', id: 'reply-1' },
      's2c',
      `s-${CLIENT_ID}`,
      session,
      {
        'ring key': RING.secret,
        client_id: CLIENT_ID,
        'key (base64url)': session.toString('base64url'),
      },
    ),
    publicVector(pair),
  ];
}

function macVector(
  title: string,
  signed: Json,
  direction: 'c2s' | 's2c',
  keyId: string,
  bytes: Buffer,
  key: Record<string, string>,
): Vector {
  const canonical = canonicalize(signed)!;
  const mac = createHmac('sha256', bytes).update(`v1.${direction}.${canonical}`);
  const signature = `v1.${keyId}.${mac.digest('base64url')}`;
  return { title, event: signed, scheme: 'v1', direction, keyId, key, canonical, signature };
}

function publicVector(pair: KeyObject): Vector {
  const signed = { ...event, type: 'order.placed', id: 'event-1' };
  const canonical = canonicalize(signed)!;
  const made = sign(null, Buffer.from(`v1e.s2c.${canonical}`), pair).toString('base64url');
  const { x = '' } = createPublicKey(pair).export({ format: 'jwk' });
  return {
    title: 'The server signs an event for many clients with Ed25519',
    event: signed,
    scheme: 'v1e',
    direction: 's2c',
    keyId: 'b-1',
    key: { 'private key (hex)': SEED.toString('hex'), 'public_key (base64url)': x },
    canonical,
    signature: `v1e.b-1.${made}`,
  };
}

/** Returns the vectors as the page shows them. */
export function vectorsText(): string {
  return vectors()
    .map(({ title, key, scheme, direction, canonical, signature }) => {
      const lines = {
        ...key,
        'canonical text': canonical,
        'signed text': `${scheme}.${direction}. and the canonical text, ${Buffer.byteLength(`${scheme}.${direction}.${canonical}`)} bytes of UTF-8`,
        semanticsignature: signature,
      };
      const body = Object.entries(lines).map(([name, value]) => `    ${name}: ${value}`);
      return `${title}:\n\n${body.join('\n')}`;
    })
    .join('\n\n');
}
