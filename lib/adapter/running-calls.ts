/** Counts the handlers of one connection that have been called and are not done. */
export class RunningCalls {
  count = 0;
  private onIdle: (() => void) | undefined;

  begin(): void {
    this.count++;
  }

  end(): void {
    this.count--;
    if (this.count === 0) this.onIdle?.();
  }

  /** Resolves when no handler is running, or after a time in milliseconds. */
  async idle(timeout: number): Promise<void> {
    if (this.count === 0) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeout);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
