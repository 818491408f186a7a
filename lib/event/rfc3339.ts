const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

const MINUTE = 60_000;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * The instant an RFC 3339 date-time names, in milliseconds since the Unix epoch (finer digits are cut off),
 * or undefined when the text is not one. A leap second counts as the first instant of the next minute.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
export function parseRfc3339(text: string): number | undefined {
  // Each step that looks at an event asks again for the time of the same one.
  if (text !== last.text) last = { text, instant: parse(text) };
  return last.instant;
}

/** An instant as an RFC 3339 date-time. @param instant milliseconds since the Unix epoch */
export function rfc3339Of(instant: number): string {
  // What happens within a millisecond has the same time.
  if (instant !== written.instant) written = { instant, text: new Date(instant).toISOString() };
  return written.text;
}

let written = { instant: 0, text: new Date(0).toISOString() };

let last: { text: string; instant: number | undefined } = { text: '', instant: undefined };

function parse(text: string): number | undefined {
  const match = DATE_TIME.exec(text);
  if (!match) return undefined;
  const year = Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6]);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;

  const offset = offsetOf(match[8], match[9], match[10]);
  if (offset === undefined) return undefined;
  const millisecond = Number(`${match[7] ?? ''}000`.slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, second === 60 ? 0 : millisecond);
  const instant = date.getTime() - offset;
  if (second === 60 && !endsDay(instant)) return undefined;
  return instant;
}

function offsetOf(sign?: string, hours = '0', minutes = '0'): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const size = (Number(hours) * 60 + Number(minutes)) * MINUTE;
  return sign === '-' ? -size : size;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/** Leap seconds are inserted at the end of a UTC day only. */
function endsDay(instant: number): boolean {
  return instant % (24 * 60 * MINUTE) === 0;
}
