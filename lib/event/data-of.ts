import type { SemanticEvent } from './semantic-event.js';

/** The data of an event: what `data` says, or the bytes that `data_base64` stands for. */
export function dataOf(event: SemanticEvent): unknown {
  const { data, data_base64: binary } = event;
  // An attribute sent as null is unset.
  if (typeof binary !== 'string') return data;
  return Uint8Array.from(atob(binary), character => character.charCodeAt(0));
}
