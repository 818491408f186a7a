import type { EngineConnection } from './io-types.js';
import { webSocketOf } from './web-socket-engine.js';

const OPEN = 1;

/** Whether a connection is read. A WebSocket can be held up; a client that polls is only told not to go on. */
export class Reading {
  readonly OPEN = OPEN;
  isPaused = false;

  constructor(private readonly conn: EngineConnection) {}

  get readyState(): 0 | 1 | 2 | 3 {
    return this.conn.readyState === 'open' ? OPEN : 3;
  }

  /** Whether something comes in although nothing is to. */
  get isIgnored(): boolean {
    return this.isPaused && webSocketOf(this.conn)?.isPaused !== true;
  }

  pause(): void {
    this.isPaused = true;
    webSocketOf(this.conn)?.pause();
  }

  resume(): void {
    this.isPaused = false;
    webSocketOf(this.conn)?.resume();
  }
}
