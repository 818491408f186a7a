import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.js';
import { deriveKey } from './derive-key.js';
import type { SigningKey } from './key-ring.js';
import type { SigningKeys } from './signing-keys.js';

/** The keys for one purpose other than events, such as tickets. Each is derived from a ring key, and has its id. */
export class PurposeKeys {
  /** The derived keys, as long as their ring keys exist. */
  private readonly derived = new WeakMap<KeyObject, KeyObject>();

  /** @param info names the purpose (RFC 5869, section 3.2): the keys of one purpose reveal nothing about those of another */
  constructor(
    private readonly info: string,
    private readonly ring: SigningKeys,
    private readonly clock: Clock,
  ) {}

  /** The key to sign or encrypt with. @throws RefusalError `UNAVAILABLE` if no ring key is in force */
  get current(): SigningKey {
    return this.from(this.ring.current(this.clock.now()));
  }

  /** Returns the keys of all ring keys in force. */
  inForce(): SigningKey[] {
    return this.ring.inForce(this.clock.now()).map(key => this.from(key));
  }

  /** Returns the key with an id, if its ring key is in force. */
  find(id: string): SigningKey | undefined {
    const found = this.ring.find(id, this.clock.now());
    return found && this.from(found);
  }

  private from({ id, key: ringKey }: SigningKey): SigningKey {
    let key = this.derived.get(ringKey);
    if (!key) this.derived.set(ringKey, (key = deriveKey(ringKey, '', this.info)));
    return { id, key };
  }
}
