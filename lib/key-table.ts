import { randomFillSync } from 'node:crypto';

/** How many keys are looked at for each that is added: so many more that few outlive their time by much. */
const LOOKS = 16;
/** How many keys there is room for at first. */
const FEW = 64;
/** Random and odd, and known to nobody: who could tell which keys meet in one slot could make each search a long one. */
const SECRETS = randomFillSync(new Int32Array(256)).map(secret => secret | 1);

/**
 * A hash of which the upper bits are universal: a sum of all characters, each times a product of secrets (D. Lemire and
 * O. Kaser, Strongly Universal String Hashing Is Fast, 2014).
 *
 * @param before the hash of what comes before the text
 */
export function hashOf(text: string, before = 0): number {
  let hash = before;
  for (let at = 0; at < text.length; at++)
    hash = Math.imul(hash + text.charCodeAt(at), SECRETS[at & 255] as number);
  return hash;
}

/**
 * Keys with a time each, as a Map would keep them. Of a million strings a Map looks at several, in far-away memory, to find one
 * or to forget one; here a search looks at numbers that stand side by side, and at no key but the one it finds.
 *
 * Keys get one place after the other. One that is removed leaves a gap, until all places are taken and the keys move together.
 */
export class KeyTable {
  /** How many keys there are. */
  size = 0;
  /** By place; Infinity where there is no key. */
  times = new Float64Array();
  private keys: (string | undefined)[] = [];
  private scopes: string[] = [];
  private lastPlace = 0;
  private lookedAt = 0;
  /** By slot, of which a key has the one that its hash says or the next that was free: its hash, and its place or 0. */
  private hashes = new Int32Array();
  private places = new Int32Array();

  /** @param maxKeys how many keys are kept at once */
  constructor(private readonly maxKeys: number) {}

  /** @returns the place of a key, until another key is added; 0 when it is not there */
  find(hash: number, key: string, scope = ''): number {
    for (let slot = this.slotOf(hash); ; slot = (slot + 1) % this.places.length) {
      const place = this.places[slot];
      if (!place) return 0;
      if (this.hashes[slot] === hash && this.keys[place] === key && this.scopes[place] === scope)
        return place;
    }
  }

  /**
   * Adds a key that is not there, after it has looked at the next few, round and round, and removed those whose time is over.
   *
   * @returns whether there was room for it
   */
  add(now: number, hash: number, time: number, key: string, scope = ''): boolean {
    for (let looks = 0; looks < LOOKS; looks++) {
      this.lookedAt = this.lookedAt < this.lastPlace ? this.lookedAt + 1 : 1;
      if ((this.times[this.lookedAt] as number) < now) this.remove(this.lookedAt);
    }
    if (this.size >= this.maxKeys) return false;
    if (this.lastPlace + 1 >= this.keys.length) this.makeRoom();
    this.put(hash, time, key, scope);
    return true;
  }

  remove(place: number): void {
    this.keys[place] = undefined;
    this.times[place] = Infinity;
    this.size--;
  }

  /**
   * For a third more than there are, which move together; a third of the slots stays free, so that a search soon meets one.
   * No other step takes long: this one about a tenth of a second for a million keys, once for every third of them added.
   */
  private makeRoom(): void {
    const { keys, scopes, times, hashes, places } = this;
    const room = Math.floor((this.size * 4) / 3 + FEW);
    this.times = new Float64Array(room).fill(Infinity);
    this.keys = new Array<string | undefined>(room);
    this.scopes = new Array<string>(room);
    this.hashes = new Int32Array(1.5 * room);
    this.places = new Int32Array(1.5 * room);
    this.size = this.lastPlace = this.lookedAt = 0;
    places.forEach((place, slot) => {
      const key = keys[place];
      if (key !== undefined)
        this.put(hashes[slot] as number, times[place] as number, key, scopes[place] as string);
    });
  }

  private put(hash: number, time: number, key: string, scope: string): void {
    const place = ++this.lastPlace;
    this.times[place] = time;
    this.keys[place] = key;
    this.scopes[place] = scope;
    let slot = this.slotOf(hash);
    while (this.places[slot]) slot = (slot + 1) % this.places.length;
    this.hashes[slot] = hash;
    this.places[slot] = place;
    this.size++;
  }

  private slotOf(hash: number): number {
    return Math.floor(((hash >>> 0) / 2 ** 32) * this.places.length);
  }
}
