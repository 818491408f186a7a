/** How many wait for the outcome of others under one key before they are refused at once. */
const MAX_WAITING = 1_000;

interface OpenKey {
  count: number;
  readonly waiting: (() => void)[];
}

/** Attempts that have been charged and whose outcome is not known yet, by the key they were charged to. */
export class OpenAttempts {
  private readonly keys = new Map<string, OpenKey>();

  enter(key: string): void {
    const open = this.keys.get(key);
    if (open) open.count++;
    else this.keys.set(key, { count: 1, waiting: [] });
  }

  /** Notes that an attempt is settled: one who waits may try again, and all when nothing is left to wait for. */
  leave(key: string): void {
    const open = this.keys.get(key);
    if (!open) return;
    if (--open.count > 0) {
      open.waiting.shift()?.();
      return;
    }
    this.keys.delete(key);
    for (const wake of open.waiting) wake();
  }

  /** Settles with the next attempt of a key; undefined when none is open, or too many wait for it already. */
  next(key: string): Promise<void> | undefined {
    const open = this.keys.get(key);
    if (!open || open.waiting.length >= MAX_WAITING) return undefined;
    return new Promise(resolve => {
      open.waiting.push(resolve);
    });
  }
}
