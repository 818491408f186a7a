import { createPublicKey, verify } from 'node:crypto';
import { Delivery } from '../../../lib/mesh/delivery.js';
import type { Subprotocol } from '../../../lib/protocol/index.js';
import { BroadcastSigner, EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf, textsOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

const TEXT = '{"id":"1","source":"app","specversion":"1.0","type":"chat.message"}';

/** A client, of whose frames so much waits, and what it was sent. */
function recipient(subprotocol: Subprotocol = 'semantic-events.v1', queuedBytes = 0) {
  const frames: Buffer[] = [];
  const send = (frame: string | Buffer) => frames.push(frame as Buffer);
  return { client: clientAt('192.0.2.1', 'alice'), subprotocol, queuedBytes, send, frames };
}

function delivery() {
  const signer = new EventSigner(resolvedOptions(), new FakeClock());
  const broadcasts = new BroadcastSigner();
  const entry = { cursor: '1-1', type: 'chat.message', text: TEXT };
  return { broadcasts, of: new Delivery(entry, signer, broadcasts) };
}

describe('an event for many clients', () => {
  it.each([true, false])(
    'has an envelope with its cursor under our own sub-protocol and none under CloudEvents, broadcast %j',
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

  it('is one frame for all who take broadcasts, and one signature under both sub-protocols', () => {
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

  it('is written over a frame that has left, and over none that waits or is the same for all', () => {
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
