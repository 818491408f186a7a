import { randomFillSync } from 'node:crypto';
import { KeyShares } from './key-shares.js';

const { floor, imul } = Math;

/** The number of old keys that each `add` checks. It is above one, so that few keys stay long after their expiry. */
const LOOKS = 16;
/** Initial capacity. */
const FEW = 64;
/**
 * Random secrets, so that a client cannot choose keys that share a slot and slow down each search. The hash needs odd
 * numbers.
 */
const SECRETS = randomFillSync(new Int32Array(256)).map(secret => secret | 1);

/**
 * Returns a hash whose upper bits are universal: a sum of all characters, each one multiplied by a product of secrets (D.
 * Lemire and O. Kaser, Strongly Universal String Hashing Is Fast, 2014).
 *
 * @param before the hash of the preceding text
 */
export function hashOf(text: string, before = 0): number {
  let hash = before;
  for (let at = 0; at < text.length; at++)
    hash = imul(hash + text.charCodeAt(at), SECRETS[at & 255] as number);
  return hash;
}

/**
 * A bounded map from keys to times. With a million keys a Map touches several strings in distant memory to find or delete
 * one. This table compares numbers that are stored side by side, and touches only the key it finds.
 *
 * With 100,000 nonces the table takes 107 bytes for each, and a Map 202. A Map that forgets in the order of insertion is no
 * simpler once it has scopes and shares. It must keep one iterator for good: a new one passes everything that was deleted at
 * the front, which takes 46 µs for each added nonce.
 *
 * A key may have an owner. The owners share the table by the rule of `KeyShares`, so no owner can fill it.
 *
 * New keys use the next free place. A removed key leaves a gap. When all places are used, the keys are moved together.
 */
export class KeyTable {
  /** The number of keys. */
  size = 0;
  /** The times by place; Infinity where there is no key. */
  times: Float64Array = new Float64Array();
  private keys: (string | undefined)[] = [];
  private scopes: string[] = [];
  private owners: string[] = [];
  private readonly shares = new KeyShares();
  private lastPlace = 0;
  private lookedAt = 0;
  /** All places before this one are empty. */
  private oldest = 1;
  /** By slot: the hash of a key, and its place or 0. A key uses the slot its hash selects, or the next free one. */
  private hashes = new Int32Array();
  private places = new Int32Array();

  /** @param maxKeys the maximum number of keys */
  constructor(private readonly maxKeys: number) {}

  /** Finds a key. @returns its place, valid until another key is added; 0 if it is missing */
  find(hash: number, key: string, scope = ''): number {
    for (let slot = this.slotOf(hash); ; slot = (slot + 1) % this.places.length) {
      const place = this.places[slot];
      if (!place) return 0;
      if (this.hashes[slot] === hash && this.keys[place] === key && this.scopes[place] === scope)
        return place;
    }
  }

  /**
   * Adds a key that is not in the table. Each call first checks a few old keys and removes the expired ones.
   *
   * @param owner the owner whose share the key counts against; '' for none
   * @returns false if the table is full, or the owner's share is used up
   */
  add(now: number, hash: number, time: number, key: string, scope = '', owner = ''): boolean {
    for (let looks = 0; looks < LOOKS; looks++) {
      this.lookedAt = this.lookedAt < this.lastPlace ? this.lookedAt + 1 : 1;
      if ((this.times[this.lookedAt] as number) < now) this.remove(this.lookedAt);
    }
    const free = this.maxKeys - this.size;
    if (free <= 0 || (owner !== '' && !this.shares.claim(owner, free))) return false;
    if (this.lastPlace + 1 >= this.keys.length) this.makeRoom();
    this.put(hash, time, key, scope, owner);
    return true;
  }

  /** Removes the oldest key. The table must not be empty. */
  removeOldest(): { readonly time: number; readonly scope: string } {
    while (this.keys[this.oldest] === undefined) this.oldest++;
    const oldest = {
      time: this.times[this.oldest] as number,
      scope: this.scopes[this.oldest] as string,
    };
    this.remove(this.oldest);
    return oldest;
  }

  remove(place: number): void {
    this.keys[place] = undefined;
    this.times[place] = Infinity;
    this.size--;
    const owner = this.owners[place] as string;
    if (owner !== '') this.shares.release(owner);
  }

  /**
   * Moves the keys together and makes room for a third more. A third of the slots stays free, so that each search ends
   * soon. This is the only slow step: about 0.1 s for a million keys, once for each third of them that is added.
   */
  private makeRoom(): void {
    const { keys, scopes, owners, times, hashes, places } = this;
    const room = Math.floor((this.size * 4) / 3 + FEW);
    this.times = new Float64Array(room).fill(Infinity);
    this.keys = new Array<string | undefined>(room);
    this.scopes = new Array<string>(room);
    this.owners = new Array<string>(room);
    this.hashes = new Int32Array(1.5 * room);
    this.places = new Int32Array(1.5 * room);
    this.size = this.lastPlace = this.lookedAt = 0;
    this.oldest = 1;
    places.forEach((place, slot) => {
      const key = keys[place];
      if (key !== undefined)
        this.put(
          hashes[slot] as number,
          times[place] as number,
          key,
          scopes[place] as string,
          owners[place] as string,
        );
    });
  }

  private put(hash: number, time: number, key: string, scope: string, owner: string): void {
    const place = ++this.lastPlace;
    this.times[place] = time;
    this.keys[place] = key;
    this.scopes[place] = scope;
    this.owners[place] = owner;
    let slot = this.slotOf(hash);
    while (this.places[slot]) slot = (slot + 1) % this.places.length;
    this.hashes[slot] = hash;
    this.places[slot] = place;
    this.size++;
  }

  private slotOf(hash: number): number {
    return floor(((hash >>> 0) / 2 ** 32) * this.places.length);
  }
}
