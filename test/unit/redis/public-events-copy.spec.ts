import { type LogEntry, PUBLIC } from '../../../lib/mesh/index.js';
import type { EventLogReader, ReadParts } from '../../../lib/redis/event-log-reader.js';
import { PublicEventsCopy } from '../../../lib/redis/public-events-copy.js';
import { entryAt, LOG_LIMITS } from '../../helpers/event-logs.js';

const EPOCH = 'abcdef';
const cursorAt = (number: number) => `${EPOCH}.${number}-0`;
const placeAt = (number: number) => ({ epoch: EPOCH, time: number, number: 0 });
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('PublicEventsCopy', () => {
  it('has every event, although its node receives some while it reads the log page by page', async () => {
    const log: LogEntry[] = range(1, 40).map(number => entryAt(cursorAt(number)));
    const deliver = (to: number) => {
      for (; delivered < to; delivered++) follower.entry(log[delivered]!);
    };
    let delivered = 5;
    // The node is behind when it reads the first pages, and receives events faster than it reads after that.
    const deliveredAfter = [12, 13, 14, 35, 40];
    const read = async (_: unknown, after = placeAt(0)): Promise<ReadParts> => {
      const entries = log.slice(after.time, after.time + 8);
      const until = after.time + 8 < log.length ? entries.at(-1)?.cursor : undefined;
      deliver(deliveredAfter.shift() ?? 40);
      const part = { entries, until, isGap: false, scanned: entries.length, dropped: undefined };
      return { epoch: EPOCH, end: cursorAt(40), parts: [part] };
    };
    const reader = { epoch: EPOCH, read, onLoss: () => undefined } as unknown as EventLogReader;
    const copy = new PublicEventsCopy(reader, LOG_LIMITS);
    const follower = copy.following({ entry: () => undefined, gap: () => undefined });
    copy.begin(cursorAt(5));

    expect(log[0]?.channel).toBe(PUBLIC);
    await copy.read(placeAt(1), 100, undefined);
    deliver(40);
    const { entries, isGap } = await copy.read(placeAt(1), 100, undefined);
    expect(isGap).toBe(false);
    expect(entries.map(({ cursor }) => cursor)).toEqual(range(2, 40).map(cursorAt));
  });
});
