import { createPublicKey, verify } from 'node:crypto';
import { Delivery } from '../../../lib/mesh/delivery.js';
import type { Subprotocol } from '../../../lib/protocol/index.js';
import { BroadcastSigner, EventSigner } from '../../../lib/signing/index.js';
import { entryAt } from '../../helpers/event-logs.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf, textsOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

const TEXT = '{"id":"1","source":"app","specversion":"1.0","type":"chat.message"}';

const signer = new EventSigner(resolvedOptions(), new FakeClock());

/** Creates a client with a session key, pending bytes and the frames it was sent. */
function recipient(subprotocol: Subprotocol = 'semantic-events.v1', queuedBytes = 0) {
  const frames: Buffer[] = [];
  const send = (frame: string | Buffer) => frames.push(frame as Buffer);
  const client = clientAt('192.0.2.1', 'alice');
  signer.sessionKeyOf(client);
  return { client, subprotocol, queuedBytes, send, frames };
}

function delivery() {
  const broadcasts = new BroadcastSigner();
  const entry = entryAt('1-1', 'chat.message', TEXT);
  return { broadcasts, of: new Delivery(entry, signer, broadcasts, cursor => cursor) };
}

describe('delivery of one event to many clients', () => {
  it.each([true, false])(
    'sends an envelope with a cursor under our subprotocol and a bare event under CloudEvents, broadcast %j',
    isBroadcast => {
      const { of } = delivery();
      const [native, bare] = [recipient(), recipient('cloudevents.json')];
      for (const each of [native, bare]) of.sendTo(each, isBroadcast);
      const event: unknown = expect.objectContaining({ id: '1', type: 'chat.message' });

      expect(JSON.parse(textOf(native.frames[0]!))).toEqual({
        type: 'event',
        event,
        cursor: '1-1',
      });
      expect(JSON.parse(textOf(bare.frames[0]!))).toEqual(event);
    },
  );

  it('shares one frame and one signature among all clients that accept broadcasts', () => {
    const { of, broadcasts } = delivery();
    const [first, second, third] = [recipient(), recipient(), recipient('cloudevents.json')];
    for (const each of [first, second, third]) of.sendTo(each, true);

    expect(second.frames[0]).toBe(first.frames[0]);
    const { event } = JSON.parse(textOf(first.frames[0]!)) as Json;
    const { semanticsignature } = JSON.parse(textOf(third.frames[0]!)) as Json;
    expect(semanticsignature).toBe(event.semanticsignature);
    const [scheme, keyId, signature] = String(semanticsignature).split('.');
    const { id, publicKey } = broadcasts.key;
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: publicKey },
      format: 'jwk',
    });
    expect([scheme, keyId]).toEqual(['v1e', id]);
    const signed = Buffer.from(`v1e.s2c.${TEXT}`);
    expect(verify(null, signed, key, Buffer.from(signature!, 'base64url'))).toBe(true);
  });

  it('reuses the buffer of a sent frame, but not of a pending or shared one', () => {
    const { of } = delivery();
    const [waiting, gone] = [recipient('semantic-events.v1', 1), recipient()];
    for (const isBroadcast of [true, false]) of.sendTo(waiting, isBroadcast);
    const before = textsOf(...waiting.frames);

    for (const isBroadcast of [true, false, false]) of.sendTo(gone, isBroadcast);
    expect(gone.frames[2]).toBe(gone.frames[1]);
    expect(textsOf(...waiting.frames)).toEqual(before);
    expect(new Set([...waiting.frames, ...gone.frames]).size).toBe(3);
  });
});
