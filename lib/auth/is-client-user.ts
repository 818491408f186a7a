import type { ClientUser } from '../options/index.js';

const MAX_ID_LENGTH = 256;

/** Anything but an object with a proper id is no user: not true, not an empty object, not a truthy string. */
export function isClientUser(value: unknown): value is ClientUser {
  if (typeof value !== 'object' || value === null || !('id' in value)) return false;
  if (!Number.isSafeInteger(value.id) && !isId(value.id)) return false;
  // One of another type would never be found again when the session is ended.
  return !('sessionId' in value) || value.sessionId === undefined || isId(value.sessionId);
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH;
}
