import { SemanticEventsError } from '../protocol/index.js';

/** Redis did not answer, or could not do what it was asked for; `cause` says what happened. */
export class RedisUnavailableError extends SemanticEventsError {
  override readonly name = 'RedisUnavailableError';
  readonly code = 'REDIS_UNAVAILABLE';

  constructor(reason: string, cause?: unknown) {
    super(`Redis is not available: ${reason}`, { cause });
  }
}
