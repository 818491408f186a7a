// Typical hand-written protection against the same threats: a MAC over sorted JSON, a set of used nonces, and a time
// window.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { HAND_SECRET } from './settings.js';

const WINDOW = 5 * 60 * 1000;

/** @returns whether an event is recent and signed with the secret */
export function isGenuine({ signature, ...event }) {
  if (typeof signature !== 'string') return false;
  if (!(Math.abs(Date.now() - Date.parse(event.time)) <= WINDOW)) return false;
  const expected = createHmac('sha256', HAND_SECRET).update(sortedJson(event)).digest('hex');
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

const nonces = new Set();

/** @returns whether a nonce is new; it is stored as long as its event would be accepted */
export function isNewNonce(nonce) {
  if (typeof nonce !== 'string' || nonces.has(nonce)) return false;
  nonces.add(nonce);
  setTimeout(() => nonces.delete(nonce), WINDOW * 2);
  return true;
}

export function sortedJson(value) {
  return JSON.stringify(sortKeys(value));
}

function sortKeys(value) {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.keys(value)
    .sort()
    .reduce((sorted, key) => {
      sorted[key] = sortKeys(value[key]);
      return sorted;
    }, {});
}
