import { createPublicKey, hkdfSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import canonicalizeElsewhere from 'canonicalize';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  canonicalize,
  EventData,
  EventMesh,
  EventSigner,
  SecureGateway,
  type SemanticEvent,
  SignedEvent,
} from '../../lib/index.js';
import { verifyEvent } from '../../lib/client/index.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { CLIENT_ID, RING, vectors, vectorsText } from '../helpers/protocol-vectors.js';
import { resolvedOptions } from '../helpers/resolved-options.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';
import { type Json, signatureOf, TestClient } from '../helpers/test-client.js';

const page = readFileSync('PROTOCOL.md', 'utf8');
const [ringVector, sessionVector, publicVector] = vectors();

describe('test vectors of PROTOCOL.md', () => {
  it('equal those computed by independent software', () => {
    expect(page).toContain(vectorsText());
  });

  it.each(vectors())('have the canonical form of this library: $title', ({ event, canonical }) => {
    expect(canonicalize(event)).toBe(canonical);
  });

  it("are verified by the server's signer", () => {
    const { event, signature } = ringVector!;
    const clock = new FakeClock(Date.parse(event.time as string));
    const signer = new EventSigner(resolvedOptions({ signing: { keys: [RING] } }), clock);
    const signed = { ...event, semanticsignature: signature } as unknown as SemanticEvent;
    expect(signer.verify(signed)).toBe(RING.id);
    expect(() => signer.verify({ ...signed, data: 1 })).toThrow('MAC differs');
  });

  it('are verified by the client with its derived session key', async () => {
    const { event, signature } = sessionVector!;
    const bytes = new Uint8Array(
      hkdfSync('sha256', RING.secret, CLIENT_ID, 'semantic-events/v1/session', 32),
    );
    const key = { id: `s-${CLIENT_ID}`, bytes };
    const signed = { ...event, semanticsignature: signature } as unknown as SemanticEvent;
    expect(await verifyEvent(signed, key)).toBe(true);
    expect(await verifyEvent({ ...signed, subject: 'x' }, key)).toBe(false);
  });

  it('are verified by Ed25519', () => {
    const { key, canonical, signature } = publicVector!;
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: key['public_key (base64url)']! };
    const made = Buffer.from(signature.split('.')[2]!, 'base64url');
    const text = Buffer.from(`v1e.s2c.${canonical}`);
    expect(verify(null, text, createPublicKey({ key: jwk, format: 'jwk' }), made)).toBe(true);
  });
});

const Order = { type: 'order.place', data: { item: 'book', amount: 1 } };

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class OrderGateway {
  constructor(private readonly mesh: EventMesh) {}

  @SubscribeMessage('order.place')
  @SignedEvent()
  async place(@EventData() order: { item: string; amount: number }) {
    await this.mesh.emit('order.placed', order);
    return { placed: order.item };
  }
}

/** Frames of a session, each with its sender. */
type Transcript = [from: 'client' | 'server', frame: Json][];

/** Runs the session of the page on a real server. */
async function session(): Promise<Transcript> {
  const app = await TestApp.start({
    gateways: [OrderGateway],
    options: { signing: { keys: [RING] }, mesh: { allow: ['order.*'] } },
  });
  const transcript: Transcript = [];
  const client = await TestClient.connect(`ws://127.0.0.1:${app.port}/events`, {
    protocol: 'semantic-events.v1',
  });
  const say = (frame: Json) => {
    transcript.push(['client', frame]);
    client.sendJson(frame);
  };
  const receive = async () => {
    const frame = await client.next();
    transcript.push(['server', frame]);
    return frame;
  };
  try {
    say({ type: 'ping' });
    await receive();
    say({ type: 'auth', token: tokenFor('alice') });
    client.signing = (await receive()).signing;
    say({ type: 'subscribe', patterns: ['order.*'], id: 'sub-1' });
    await receive();
    const event = client.event(Order.type, Order.data);
    say({ type: 'event', event });
    await receive();
    await receive();
    say({ type: 'event', event });
    await receive();
    say({ type: 'unsubscribe', patterns: ['order.*'], id: 'sub-2' });
    await receive();
    return transcript;
  } finally {
    client.terminate();
  }
}

const LINE = /^ {4}(client|server) → (\{.*\})$/gm;

/** Parses the transcript of the page. */
function shown(): Transcript {
  return [...page.matchAll(LINE)].map(([, from = '', text = '']) => [
    from as 'client' | 'server',
    JSON.parse(text) as Json,
  ]);
}

/** Returns the members of a value, without its strings and numbers. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [
        name,
        ['type', 'code', 'status', 'message', 'specversion', 'scheme', 'patterns'].includes(name)
          ? (member as unknown)
          : shapeOf(member),
      ])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ) as unknown;
}

describe('session of PROTOCOL.md', () => {
  it('equals what a server answers', async () => {
    const lived = await session();
    if (process.env.SHOW_TRANSCRIPT)
      process.stdout.write(
        lived.map(([from, frame]) => `    ${from} → ${JSON.stringify(frame)}\n`).join(''),
      );
    expect(shown().map(([from, frame]) => [from, shapeOf(frame)])).toEqual(
      lived.map(([from, frame]) => [from, shapeOf(frame)]),
    );
  });

  it('has the session key derived from its ring key and client_id, and valid signatures', () => {
    const frames = shown();
    const { client_id: clientId, signing } = frames.find(
      ([, { type }]) => type === 'auth_success',
    )![1] as { client_id: string; signing: { key_id: string; key: string } };
    const bytes = hkdfSync('sha256', RING.secret, clientId, 'semantic-events/v1/session', 32);
    expect(signing.key).toBe(Buffer.from(bytes).toString('base64url'));
    expect(signing.key_id).toBe(`s-${clientId}`);
    const events = frames.filter(([, { type }]) => type === 'event');
    expect(events.length).toBeGreaterThanOrEqual(4);
    for (const [from, { event }] of events) {
      const direction = from === 'client' ? 'c2s' : 's2c';
      expect((event as Json).semanticsignature).toBe(
        signatureOf(event as Json, signing, direction),
      );
    }
    const [first, again] = events.filter(([from]) => from === 'client');
    expect(canonicalizeElsewhere(again![1])).toBe(canonicalizeElsewhere(first![1]));
  });
});
