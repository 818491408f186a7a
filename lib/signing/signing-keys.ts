import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import { SESSION_KEY_PREFIX, type SigningKeyOptions } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { KeyRing, type RingKey, type SigningKey } from './key-ring.js';
import { deriveSessionKey } from './session-key.js';

/** The keys that may sign an event: the session key of the connection, the ring keys, or both. */
export type AcceptedKeys = 'session' | 'ring' | 'any';

/** All keys that the server signs and verifies with: the key ring, and one session key for each connection. */
export class SigningKeys {
  private ring: KeyRing;
  // The ring key that a session key is derived from. The session key itself is stored from its first use on: many
  // connections only receive, and a key needs memory.
  private readonly origins = new WeakMap<Client, KeyObject>();
  private readonly sessionKeys = new WeakMap<Client, SigningKey>();

  constructor(keys: readonly SigningKeyOptions[]) {
    this.ring = new KeyRing(keys);
  }

  /** Replaces the key ring. Connections keep their session keys. */
  rotate(keys: readonly SigningKeyOptions[]): void {
    this.ring = new KeyRing(keys);
  }

  /** Returns the ring keys, in force or not. */
  list(): RingKey[] {
    return this.ring.list();
  }

  /** Returns all ring keys that are in force. */
  inForce(now: number): SigningKey[] {
    return this.ring.inForce(now);
  }

  /** @throws RefusalError `UNAVAILABLE` if no ring key is in force */
  current(now: number): SigningKey {
    const key = this.ring.current(now);
    if (!key)
      throw new RefusalError('UNAVAILABLE', { reason: 'no key of signing.keys is in force' });
    return key;
  }

  /** Returns the key with an id, if it is in force and accepted, and not the session key of another connection. */
  find(
    id: string,
    now: number,
    accepted: AcceptedKeys = 'ring',
    client?: Client,
  ): SigningKey | undefined {
    if (!id.startsWith(SESSION_KEY_PREFIX))
      return accepted === 'session' ? undefined : this.ring.find(id, now);
    const key = accepted === 'ring' ? undefined : client && this.ofClient(client);
    return key?.id === id ? key : undefined;
  }

  /** Derives the session key of a connection. Every later call returns the same key. @throws like `current` */
  open(client: Client, now: number): SigningKey {
    let origin = this.origins.get(client);
    if (!origin) {
      origin = this.current(now).key;
      this.origins.set(client, origin);
    }
    return this.sessionKeys.get(client) ?? deriveSessionKey(origin, client.id);
  }

  /**
   * Returns the key that signs: the session key of a client, or a ring key if there is no client.
   *
   * @throws RefusalError `UNAUTHENTICATED` for a client without a session key, or like `current`
   */
  for(client: Client | undefined, clock: Clock): SigningKey {
    if (!client) return this.current(clock.now());
    const key = this.ofClient(client);
    if (!key)
      throw new RefusalError('UNAUTHENTICATED', {
        reason: 'the client has no session key: it is not authenticated',
      });
    return key;
  }

  /** Returns the session key of a client; undefined if it has none yet. */
  ofClient(client: Client): SigningKey | undefined {
    let key = this.sessionKeys.get(client);
    const origin = key ? undefined : this.origins.get(client);
    if (origin) {
      key = deriveSessionKey(origin, client.id);
      this.sessionKeys.set(client, key);
    }
    return key;
  }
}
