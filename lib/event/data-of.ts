import type { SemanticEvent } from './semantic-event.js';

/** Returns the data of an event: `data`, or the bytes of `data_base64`. */
export function dataOf(event: SemanticEvent): unknown {
  const { data, data_base64: binary } = event;
  // An attribute that is null is unset.
  if (typeof binary !== 'string') return data;
  // A copy: a small Buffer shares its memory with others.
  return new Uint8Array(Buffer.from(binary, 'base64'));
}

/** Moves bytes from `data` to `data_base64` (CloudEvents JSON format, section 3.1.1). */
export function encodeBytes(event: SemanticEvent): void {
  const { data } = event;
  if (!(data instanceof Uint8Array)) return;
  event.data_base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  delete event.data;
}
