import { SemanticEventsError } from '../protocol/index.js';

/** Thrown if Redis does not answer or cannot execute a command. `cause` contains the original error. */
export class RedisUnavailableError extends SemanticEventsError {
  override readonly name = 'RedisUnavailableError';
  readonly code = 'REDIS_UNAVAILABLE';

  constructor(reason: string, cause?: unknown) {
    super(`Redis is not available: ${reason}`, { cause });
  }
}
