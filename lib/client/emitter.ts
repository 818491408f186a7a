type Listener<T> = (value: T) => unknown;

/** The event listeners of a client. If one throws, the others are still called. */
export class Emitter<Events> {
  readonly #listeners = new Map<unknown, Set<Listener<never>>>();

  /** Adds a listener. @returns a function that removes it */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all);
    all.add(listener);
    return () => {
      all.delete(listener);
    };
  }

  /** Removes all listeners. */
  clear(): void {
    this.#listeners.clear();
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])])
      callGuarded(listener as Listener<Events[K]>, value, error => {
        // The listener that failed may be the one for `error`, so write to the console.
        console.error(error);
      });
  }
}

/** Calls a function of the application. Passes its error or rejection to `failed`. */
export function callGuarded<T>(
  called: Listener<T>,
  value: T,
  failed: (error: unknown) => void,
): void {
  try {
    Promise.resolve(called(value)).catch(failed);
  } catch (error) {
    failed(error);
  }
}
