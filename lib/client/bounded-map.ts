/** A map that forgets its oldest entry to make room for a new one. */
export function boundedMap<V>(max: number) {
  const entries = new Map<unknown, V>();
  return {
    get: (key: unknown): V | undefined => entries.get(key),
    set(key: string, value: V): void {
      entries.set(key, value);
      if (entries.size > max) entries.delete(entries.keys().next().value);
    },
  };
}
