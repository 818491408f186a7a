/** The maximum number of queued frames. A test that exceeds it waits for the wrong frames. */
const MAX_FRAMES = 10_000;

interface Waiting {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: Error) => void;
}

/** A frame as the server sent it, parsed from JSON. */
export type Frame = Readonly<Record<string, unknown>>;

/** Queues frames until a test reads them, so that no test misses an early one. */
export class FrameQueue {
  private readonly frames: Frame[] = [];
  private readonly waiting: Waiting[] = [];
  private ended: Error | undefined;

  add(frame: Frame): void {
    const first = this.waiting.shift();
    if (first) first.resolve(frame);
    else if (this.frames.push(frame) > MAX_FRAMES)
      this.end(new Error(`More than ${MAX_FRAMES} frames are queued`));
  }

  /** Rejects all waiting reads: no more frames will arrive. */
  end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.ended);
  }

  /** @param timeout in milliseconds */
  async next(timeout: number): Promise<Frame> {
    const frame = this.frames.shift();
    if (frame) return frame;
    if (this.ended) throw this.ended;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        reject(new Error(`No frame arrived within ${timeout} ms`));
      }, timeout);
      const waiting: Waiting = {
        resolve: next => {
          clearTimeout(timer);
          resolve(next);
        },
        reject: error => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.waiting.push(waiting);
    });
  }
}
