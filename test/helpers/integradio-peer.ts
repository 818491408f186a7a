import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { RING_KEY } from './test-app.js';
import type { Json } from './test-client.js';

/** An event as integradio (Python) sends it. */
export interface CompatibleEvent {
  type: string;
  source: string;
  id: string;
  time: string;
  nonce: string;
  /** The data in canonical form. */
  data: string;
}

export function compatibleEvent(
  type: string,
  members: Partial<CompatibleEvent> = {},
): CompatibleEvent {
  return {
    type,
    source: 'python-app',
    id: randomUUID(),
    time: new Date().toISOString().replace('Z', '000+00:00'),
    nonce: randomBytes(8).toString('hex'),
    data: '{"id":1}',
    ...members,
  };
}

/** Returns the signature of an event whose attributes need no escapes. */
export function compatibleSignature(
  { data, id, nonce, source, time, type }: CompatibleEvent,
  secret: string = RING_KEY.secret,
): string {
  const rest = JSON.stringify({ id, nonce, source, time, type });
  return createHmac('sha256', secret)
    .update(`{"data":${data},${rest.slice(1)}`)
    .digest('hex');
}

/**
 * Returns the JSON text of an event.
 *
 * @param members unsigned members that are added before the others, or replace them
 * @param data the data to send in place of the signed data
 */
export function compatibleText(
  event: CompatibleEvent,
  members: Json = {},
  data: string = event.data,
): string {
  const { type, source, id, time, nonce } = event;
  const attributes = JSON.stringify({
    specversion: '1.0',
    type,
    source,
    id,
    time,
    datacontenttype: 'application/json',
    semanticnonce: nonce,
    semanticsignature: compatibleSignature(event),
    ...members,
  });
  return data === '' ? attributes : `${attributes.slice(0, -1)}, "data": ${data}}`;
}
