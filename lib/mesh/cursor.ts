/**
 * A position in the event log: the epoch of the log and the id of an entry. An id consists of milliseconds and a number, as
 * in Redis Streams. Ids always grow, even from one epoch to the next. The epoch changes when the log loses entries.
 */
export interface Place {
  /** Six hexadecimal digits. */
  readonly epoch: string;
  /** The append time in milliseconds since the Unix epoch. After the clock was set back, it is later than the real time. */
  readonly time: number;
  readonly number: number;
}

const CURSOR = /^([0-9a-f]{6})\.(\d{1,14})-(\d{1,7})$/;

/** The largest number of an id. The id after it has the next millisecond. */
export const MAX_NUMBER = 0x7f_ffff;

/** The place before the first entry of any log. */
export const BEGINNING = '000000.0-0';

export function parseCursor(text: string): Place | undefined {
  const match = CURSOR.exec(text);
  if (!match) return undefined;
  const [, epoch = '', time, number] = match;
  return { epoch, time: Number(time), number: Number(number) };
}

export function cursorOf({ epoch, time, number }: Place): string {
  return `${epoch}.${time}-${number}`;
}

/** Compares places by their ids. @returns a negative number if the first one is earlier; epochs are ignored */
export function comparePlaces(place: Place, other: Place): number {
  return place.time - other.time || place.number - other.number;
}

/** Returns the place of a cursor. For an invalid cursor it returns the place of `BEGINNING`. */
export function placeOf(cursor: string): Place {
  return parseCursor(cursor) ?? { epoch: '000000', time: 0, number: 0 };
}

/** Returns the id of the entry at a cursor, without the epoch. */
export function idOf(cursor: string): string {
  return cursor.slice(cursor.indexOf('.') + 1);
}

/** Whether a cursor is equal to or later than another one. Epochs are ignored. */
export function hasReached(cursor: string, other: string): boolean {
  return comparePlaces(placeOf(cursor), placeOf(other)) >= 0;
}

/** Returns the later one of two cursors. */
export function laterOf(cursor: string, other: string): string {
  return hasReached(cursor, other) ? cursor : other;
}

/** Returns the cursor before all entries that were appended at `time` or later. @param time milliseconds */
export function cursorBefore(time: number): string {
  const before = Math.max(0, Math.ceil(time) - 1);
  return cursorOf({ epoch: '000000', time: before, number: before === 0 ? 0 : MAX_NUMBER });
}
