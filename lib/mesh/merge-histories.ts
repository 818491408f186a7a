import { type HistoryWalk, MAX_SCANNED } from './channel-history.js';
import { comparePlaces } from './cursor.js';
import type { LogEntry, LogPage } from './event-log.js';

/**
 * Reads one page of several channels in memory, ordered by id. It takes the next entry of the channel that has the oldest one,
 * so that a page of many channels costs about as much as a page of one.
 *
 * @param end the end of the log
 */
export function mergeHistories(
  walks: readonly HistoryWalk[],
  limit: number,
  end: string,
  matches: (type: string) => boolean = () => true,
): LogPage {
  const entries: LogEntry[] = [];
  let scanned = 0;
  let cursor = end;
  let next = oldestOf(walks);
  for (; next?.entry && entries.length < limit && scanned < MAX_SCANNED; next = oldestOf(walks)) {
    const { entry } = next;
    if (matches(entry.type)) entries.push(entry);
    ({ cursor } = entry);
    scanned++;
    next.advance();
  }
  return {
    entries,
    cursor: next ? cursor : end,
    isGap: walks.some(({ isGap }) => isGap),
    isEnd: !next,
    // Finding the position in a further channel costs about as much as an entry.
    scanned: scanned + Math.max(0, walks.length - 1),
  };
}

function oldestOf(walks: readonly HistoryWalk[]): HistoryWalk | undefined {
  let oldest: HistoryWalk | undefined;
  for (const walk of walks)
    if (walk.place && (!oldest?.place || comparePlaces(walk.place, oldest.place) < 0))
      oldest = walk;
  return oldest;
}
