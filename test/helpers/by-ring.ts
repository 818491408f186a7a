import { RING_KEY } from './test-app.js';
import type { Json, TestClient } from './test-client.js';

const KEY = { key_id: RING_KEY.id, key: Buffer.from(RING_KEY.secret).toString('base64url') };

/** Creates an event signed with a ring key. It is valid on any connection, so a store keeps its nonce. */
export function byRing(client: TestClient, type: string, data?: unknown, members: Json = {}): Json {
  return client.sign(client.event(type, data, members), KEY);
}

/** Sends an event signed with a ring key. */
export function emitByRing(client: TestClient, type: string, data?: unknown): Json {
  const event = byRing(client, type, data);
  client.sendJson({ type: 'event', event });
  return event;
}
