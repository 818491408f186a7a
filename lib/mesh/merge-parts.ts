import type { HistoryPart } from './channel-history.js';
import { comparePlaces, hasReached, placeOf } from './cursor.js';
import type { LogEntry, LogPage } from './event-log.js';

/**
 * Merges reads of several channels from the same position into one page, ordered by id. The page ends at the earliest
 * position where the read of a channel stopped, or at the limit.
 *
 * @param end the end of the log before the first read. Later entries are left out: channels that were read earlier lack them
 */
export function mergeParts(parts: readonly HistoryPart[], limit: number, end: string): LogPage {
  let horizon = end;
  for (const { until } of parts)
    if (until !== undefined && hasReached(horizon, until)) horizon = until;
  const all = parts.length === 1 ? (parts[0]?.entries ?? []) : sorted(parts);
  const within = all.filter(({ cursor }) => hasReached(horizon, cursor));
  const entries = within.slice(0, limit);
  const isCut = entries.length < within.length;
  return {
    entries,
    cursor: (isCut ? entries.at(-1)?.cursor : undefined) ?? horizon,
    isGap: parts.some(({ isGap }) => isGap),
    isEnd: entries.length === all.length && parts.every(({ until }) => until === undefined),
    scanned: parts.reduce((sum, { scanned }) => sum + scanned, 0),
  };
}

/** Sorts by parsed positions: a comparison that parses two cursors would take most of the time of a read. */
function sorted(parts: readonly HistoryPart[]): LogEntry[] {
  return parts
    .flatMap(({ entries }) => entries)
    .map(entry => ({ entry, place: placeOf(entry.cursor) }))
    .sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ entry }) => entry);
}
