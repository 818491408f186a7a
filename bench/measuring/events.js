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

/** The same as JSON in canonical form, as this library's own client sends it: what is signed is what is sent. */
export function sealed(event, { key_id, key }) {
  const text = canonicalize(event);
  const mac = createHmac('sha256', key).update(`v1.c2s.${text}`).digest('base64url');
  return `${text.slice(0, -1)},"semanticsignature":"v1.${key_id}.${mac}"}`;
}

/** @param key what `auth_success` brings under `signing`, or `{ key_id, key }` of a key of the ring */
export function signed(event, { key_id, key }) {
  const mac = createHmac('sha256', key).update(signedText(event)).digest('base64url');
  return { ...event, semanticsignature: `v1.${key_id}.${mac}` };
}
