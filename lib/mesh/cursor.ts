/**
 * A place in the log of events: two whole numbers, as in the ids of Redis Streams. Clients take it as it is and
 * hand it back; nothing but the log makes one.
 */
const CURSOR = /^(\d{1,15})-(\d{1,15})$/;

/** Before everything a log has ever held. */
export const BEGINNING = '0-0';

/** The longest text that is looked at as a cursor. */
export const MAX_CURSOR_LENGTH = 64;

export function parseCursor(text: string): readonly [number, number] | undefined {
  const match = CURSOR.exec(text);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

/** Whether a cursor is at or behind another of the same log. */
export function hasReached(cursor: string, other: string): boolean {
  const [major, minor] = parseCursor(cursor) ?? [0, 0];
  const [otherMajor, otherMinor] = parseCursor(other) ?? [0, 0];
  return major === otherMajor ? minor >= otherMinor : major > otherMajor;
}
