/** The maximum number of attempts that wait under one key. More are rejected at once. */
const MAX_WAITING = 1_000;

interface OpenKey {
  count: number;
  readonly waiting: (() => void)[];
}

/** Attempts that were charged and have no result yet, by the key they were charged to. */
export class OpenAttempts {
  private readonly keys = new Map<string, OpenKey>();

  enter(key: string): void {
    const open = this.keys.get(key);
    if (open) open.count++;
    else this.keys.set(key, { count: 1, waiting: [] });
  }

  /** Records that an attempt has ended. One waiting attempt may retry; if no attempt is left to wait for, all may. */
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

  /** Settles when the next attempt of a key ends. Undefined if there is none, or if too many wait already. */
  next(key: string): Promise<void> | undefined {
    const open = this.keys.get(key);
    if (!open || open.waiting.length >= MAX_WAITING) return undefined;
    return new Promise(resolve => {
      open.waiting.push(resolve);
    });
  }
}
