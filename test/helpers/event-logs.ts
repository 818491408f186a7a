import type { EventLog, LogEntry } from '../../lib/mesh/index.js';
import { PUBLIC } from '../../lib/mesh/index.js';

/** Limits of a log that no test reaches. */
export const LOG_LIMITS = {
  maxEvents: 10_000,
  maxHistorySize: 10_000_000,
  maxEventsPerAudience: 1_000,
  maxHistorySizePerAudience: 1_000_000,
};

/** Appends a broadcast event. */
export const append = <Log extends EventLog>(log: Log, type: string, text: string) =>
  log.append({ channel: PUBLIC, type, text }) as ReturnType<Log['append']>;

/** Reads broadcast events. */
export const read = <Log extends EventLog>(log: Log, after: string | undefined, limit: number) =>
  log.read({ channels: [PUBLIC], after, limit }) as ReturnType<Log['read']>;

/** Creates the entry of a broadcast event. */
export const entryAt = (cursor: string, type = 'chat.message', text = '{}'): LogEntry => ({
  cursor,
  channel: PUBLIC,
  type,
  text,
});
