const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;
const ZERO = 0x30;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** The Gregorian calendar repeats after this many milliseconds. */
const FOUR_CENTURIES = 146_097 * DAY;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Parses an RFC 3339 date-time. Returns milliseconds since the Unix epoch, without finer digits; undefined for any other text.
 * A leap second counts as the first instant of the next minute.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
export function parseRfc3339(text: string): number | undefined {
  // Several steps parse the time of the same event: the last result is cached.
  if (text !== last.text) last = { text, instant: parse(text) };
  return last.instant;
}

/** Formats an instant as an RFC 3339 date-time. @param instant milliseconds since the Unix epoch */
export function rfc3339Of(instant: number): string {
  // Events within one millisecond share their time: the last result is cached.
  if (instant !== written.instant) written = { instant, text: new Date(instant).toISOString() };
  return written.text;
}

let written = { instant: 0, text: new Date(0).toISOString() };

let last: { text: string; instant: number | undefined } = { text: '', instant: undefined };

function parse(text: string): number | undefined {
  // The positions of all digits are known: reading them is cheaper than capturing groups.
  if (!DATE_TIME.test(text)) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;

  const offset = offsetOf(text);
  if (offset === undefined) return undefined;
  const millisecond = second === 60 ? 0 : millisecondOf(text);
  // Date.UTC maps the years 0 to 99 to 1900 to 1999.
  const later = Date.UTC(year + 400, month - 1, day, hour, minute, second, millisecond);
  const instant = later - FOUR_CENTURIES - offset;
  if (second === 60 && !endsDay(instant)) return undefined;
  return instant;
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
}

function millisecondOf(text: string): number {
  return text[19] === '.' ? Math.round(parseFloat(text.slice(19, 23)) * 1000) : 0;
}

function offsetOf(text: string): number | undefined {
  const at = text.length - 6;
  const sign = text[at];
  if (sign !== '+' && sign !== '-') return 0;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (hours > 23 || minutes > 59) return undefined;
  const size = (hours * 60 + minutes) * MINUTE;
  return sign === '-' ? -size : size;
}

/** Returns the number of days of a month; 0 if there is no such month. */
function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/** Leap seconds are inserted at the end of a UTC day only. */
function endsDay(instant: number): boolean {
  return instant % DAY === 0;
}
