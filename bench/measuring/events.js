// Creates and signs the events of the load, from PROTOCOL.md only and without the library.
import { createHmac, randomUUID } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Creates an unsigned event. */
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

/** Returns the text that a signature covers. */
export function signedText(event, direction = 'c2s') {
  return `v1.${direction}.${canonicalize(event)}`;
}

/** Returns a signed event as canonical JSON, as this library's own client sends it. */
export function sealed(event, { key_id, key }) {
  const text = canonicalize(event);
  const mac = createHmac('sha256', key).update(`v1.c2s.${text}`).digest('base64url');
  return `${text.slice(0, -1)},"semanticsignature":"v1.${key_id}.${mac}"}`;
}

/** Signs an event. @param key the `signing` member of `auth_success`, or `{ key_id, key }` of a ring key */
export function signed(event, { key_id, key }) {
  const mac = createHmac('sha256', key).update(signedText(event)).digest('base64url');
  return { ...event, semanticsignature: `v1.${key_id}.${mac}` };
}
