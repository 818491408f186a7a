import type { SemanticEvent } from './semantic-event.js';

/** Returns the data of an event: `data`, or the bytes of `data_base64`. */
export function dataOf(event: SemanticEvent): unknown {
  const { data, data_base64: binary } = event;
  // An attribute that is null is unset.
  if (typeof binary !== 'string') return data;
  // A copy: a small Buffer shares its memory with others.
  return new Uint8Array(Buffer.from(binary, 'base64'));
}
