// The events the load sends, made and signed as clients do: from PROTOCOL.md, with nothing of the library.
import { createHmac, randomUUID } from 'node:crypto';
import canonicalize from 'canonicalize';

/** An event as it is before it is signed. */
export function makeEvent(data, type = 'demo.echo') {
  return {
    specversion: '1.0',
    type,
    source: 'bench',
    id: randomUUID(),
    time: new Date().toISOString(),
    semanticnonce: randomUUID(),
    data,
  };
}

/** What a signature covers. */
export function signedText(event, direction = 'c2s') {
  return `v1.${direction}.${canonicalize(event)}`;
}

/** @param key what `auth_success` brings under `signing`, or `{ key_id, key }` of a key of the ring */
export function signed(event, { key_id, key }) {
  const mac = createHmac('sha256', key).update(signedText(event)).digest('base64url');
  return { ...event, semanticsignature: `v1.${key_id}.${mac}` };
}
