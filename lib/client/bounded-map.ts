/** A map that drops its oldest entry to make room for a new one. */
export class BoundedMap<V> {
  readonly #entries = new Map<unknown, V>();
  readonly #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get(key: unknown): V | undefined {
    return this.#entries.get(key);
  }

  set(key: unknown, value: V): void {
    this.#entries.set(key, value);
    if (this.#entries.size > this.#maxSize) this.#entries.delete(this.#entries.keys().next().value);
  }
}
