import { contained } from '../../monitoring/index.js';
import type { Account, RoomWaiter } from './accounts.js';

/** The maximum memory of frames with running handlers, for one connection. Bytes, estimated. */
export const MAX_RUNNING_BYTES = 1_048_576;

/** Counts the running handlers of one connection, and the memory of their frames. */
export class RunningCalls {
  count = 0;
  /** The memory of the current frame. Bytes, estimated. */
  frameBytes = 0;

  private bytes = 0;
  private onIdle: (() => void) | undefined;

  /** Returns whether one more handler may run. A single handler may always run, even with a large frame. */
  hasRoom(maxCount: number): boolean {
    return this.count === 0 || (this.count < maxCount && this.bytes < MAX_RUNNING_BYTES);
  }

  /**
   * Records that a handler runs.
   *
   * @param queue its `onRoom` is called when the handler is done
   * @returns a function to call when the handler is done
   */
  begin(account: Account, queue: RoomWaiter): () => void {
    const bytes = this.frameBytes;
    this.count++;
    this.bytes += bytes;
    account.begin(bytes);
    return () => {
      this.count--;
      this.bytes -= bytes;
      account.end(bytes);
      if (this.count === 0) this.onIdle?.();
      queue.onRoom();
    };
  }

  /** Resolves when no handler is running, or after `timeout` milliseconds. */
  async idle(timeout: number): Promise<void> {
    if (this.count === 0) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeout);
      this.onIdle = contained(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
