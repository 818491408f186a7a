import { createPublicKey, verify } from 'node:crypto';
import { Delivery } from '../../../lib/mesh/delivery.js';
import { BroadcastSigner, EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import type { Json } from '../../helpers/test-client.js';
import { textOf } from '../../helpers/text-of.js';
import { clientAt } from '../../helpers/ws-context.js';

const TEXT = '{"id":"1","source":"app","specversion":"1.0","type":"chat.message"}';
const client = clientAt('192.0.2.1', 'alice');

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
      const native = of.frameFor({ client, subprotocol: 'semantic-events.v1', isBroadcast });
      const bare = of.frameFor({ client, subprotocol: 'cloudevents.json', isBroadcast });
      const event: unknown = expect.objectContaining({ id: '1', type: 'chat.message' });

      expect(JSON.parse(textOf(native))).toEqual({ type: 'event', event, cursor: '1-1' });
      expect(JSON.parse(textOf(bare))).toEqual(event);
    },
  );

  it('is one frame for all who take broadcasts, and one signature under both sub-protocols', () => {
    const { of, broadcasts } = delivery();
    const form = { subprotocol: 'semantic-events.v1', isBroadcast: true } as const;
    const first = of.frameFor({ ...form, client });

    expect(of.frameFor({ ...form, client: clientAt('192.0.2.2', 'bob') })).toBe(first);
    const bare = of.frameFor({ client, subprotocol: 'cloudevents.json', isBroadcast: true });
    const { event } = JSON.parse(textOf(first)) as Json;
    const { semanticsignature } = JSON.parse(textOf(bare)) as Json;
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
});
