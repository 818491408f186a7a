import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import { SESSION_KEY_PREFIX, type SigningKeyOptions } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { KeyRing, type RingKey, type SigningKey } from './key-ring.js';
import { deriveSessionKey } from './session-key.js';

/** Which keys an event may be signed with: the connection's own, those of the ring, or either. */
export type AcceptedKeys = 'session' | 'ring' | 'any';

/** Every key the server signs and verifies with: those of the ring, and one for each connection. */
export class SigningKeys {
  private ring: KeyRing;
  // The key of the ring that a connection's own is derived from. That is kept from its first use on: many connections
  // only listen, and a key takes memory.
  private readonly origins = new WeakMap<Client, KeyObject>();
  private readonly sessionKeys = new WeakMap<Client, SigningKey>();

  constructor(keys: readonly SigningKeyOptions[]) {
    this.ring = new KeyRing(keys);
  }

  /** Puts another ring in the place of the one in use; connections keep their keys. */
  rotate(keys: readonly SigningKeyOptions[]): void {
    this.ring = new KeyRing(keys);
  }

  /** The keys of the ring, in force or not. */
  list(): RingKey[] {
    return this.ring.list();
  }

  /** Every key of the ring that is in force. */
  inForce(now: number): SigningKey[] {
    return this.ring.inForce(now);
  }

  /** @throws RefusalError `UNAVAILABLE` when no key of the ring is in force */
  current(now: number): SigningKey {
    const key = this.ring.current(now);
    if (!key) throw new RefusalError('UNAVAILABLE');
    return key;
  }

  /** The key of an id, where it is in force, accepted, and no other connection's. */
  find(
    id: string,
    now: number,
    accepted: AcceptedKeys = 'ring',
    client?: Client,
  ): SigningKey | undefined {
    if (!id.startsWith(SESSION_KEY_PREFIX))
      return accepted === 'session' ? undefined : this.ring.find(id, now);
    const key = accepted === 'ring' ? undefined : client && this.ofSession(client);
    return key?.id === id ? key : undefined;
  }

  /** Derives the key of a connection, which from then on is always the same. @throws as `current` */
  open(client: Client, now: number): SigningKey {
    let origin = this.origins.get(client);
    if (!origin) {
      origin = this.current(now).key;
      this.origins.set(client, origin);
    }
    return this.sessionKeys.get(client) ?? deriveSessionKey(origin, client.id);
  }

  /** What to sign with for a client: its session key, or a key of the ring where it has none. @throws as `current` */
  for(client: Client | undefined, clock: Clock): SigningKey {
    return (client && this.ofSession(client)) ?? this.current(clock.now());
  }

  private ofSession(client: Client): SigningKey | undefined {
    let key = this.sessionKeys.get(client);
    const origin = key ? undefined : this.origins.get(client);
    if (origin) {
      key = deriveSessionKey(origin, client.id);
      this.sessionKeys.set(client, key);
    }
    return key;
  }
}
