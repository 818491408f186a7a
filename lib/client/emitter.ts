type Listener<T> = (value: T) => unknown;

export type Emit<Events> = <K extends keyof Events>(name: K, value: Events[K]) => void;

/** The listeners of a client. One that throws does not keep the others from being told. */
export function emitter<Events>() {
  const listeners = new Map<unknown, Set<Listener<never>>>();
  return {
    /** @returns removes the listener */
    on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all);
      all.add(listener);
      return () => {
        all.delete(listener);
      };
    },
    /** Removes all listeners. */
    clear: (): void => {
      listeners.clear();
    },
    emit: <K extends keyof Events>(name: K, value: Events[K]): void => {
      for (const listener of [...(listeners.get(name) ?? [])])
        callGuarded(listener as Listener<Events[K]>, value, error => {
          // There is nobody else to tell.
          console.error(error);
        });
    },
  };
}

/** Calls a function of the application: what it throws, or rejects with, goes to `failed` and nowhere else. */
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
