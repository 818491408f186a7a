import { sourceOf } from './address-mask.js';
import type { SecurityEvent } from './security-event.js';

/** The maximum number of lines about further sources of a known kind and code, per interval. */
const MAX_FURTHER_LINES = 4;
/** The sources that are counted separately for each kind and code. Further sources share one count. */
const MAX_SOURCES = 1_000;

/** A line of the log as text, and as fields for JSON loggers. */
export interface SecurityLine {
  readonly kind: SecurityEvent['kind'];
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Tally {
  readonly kind: SecurityEvent['kind'];
  /** The code or the store. */
  readonly label: { readonly code?: string; readonly store?: string };
  /** The events since the last summary without a line of their own. */
  counted: number;
  /** The same count by source. */
  readonly bySource: Map<string, number>;
  /** The same count for all sources beyond `MAX_SOURCES`. */
  ofOtherSources: number;
}

/**
 * Decides which events get a line of their own: the first of each kind, code and source, if these are few. All others are
 * counted, with one line for each kind and code. Every event is in exactly one line.
 */
export class SecurityTally {
  /** The tallies by kind and code. Their number is fixed. */
  private readonly tallies = new Map<string, Tally>();
  private furtherLines = 0;

  /** Counts an event. @returns its line, if it gets one of its own */
  add(event: SecurityEvent): SecurityLine | undefined {
    const label = labelOf(event);
    const source = sourceTextOf(event);
    const tally = this.tallies.get(label);
    if (!tally) {
      this.tallies.set(label, newTally(event, source));
      return lineOf(event, label);
    }
    const isNew = !tally.bySource.has(source);
    if (isNew && tally.bySource.size < MAX_SOURCES && this.furtherLines < MAX_FURTHER_LINES) {
      this.furtherLines++;
      tally.bySource.set(source, 0);
      return lineOf(event, label);
    }
    count(tally, source, isNew);
    return undefined;
  }

  /** Sums up the counts since the last call. If an event has stopped, its next occurrence gets a line of its own again. */
  sumUp(milliseconds: number): SecurityLine[] {
    this.furtherLines = 0;
    const lines: SecurityLine[] = [];
    for (const [label, tally] of this.tallies) {
      if (tally.counted === 0) {
        this.tallies.delete(label);
        continue;
      }
      lines.push(summaryOf(label, tally, milliseconds));
      reset(tally);
    }
    return lines;
  }
}

function newTally(event: SecurityEvent, source: string): Tally {
  const label = {
    ...('code' in event && { code: event.code }),
    ...('store' in event && { store: event.store }),
  };
  return {
    kind: event.kind,
    label,
    counted: 0,
    bySource: new Map([[source, 0]]),
    ofOtherSources: 0,
  };
}

function count(tally: Tally, source: string, isNew: boolean): void {
  tally.counted++;
  if (isNew && tally.bySource.size >= MAX_SOURCES) tally.ofOtherSources++;
  else tally.bySource.set(source, (tally.bySource.get(source) ?? 0) + 1);
}

function reset(tally: Tally): void {
  tally.counted = 0;
  tally.ofOtherSources = 0;
  for (const [source, events] of tally.bySource) {
    if (events === 0) tally.bySource.delete(source);
    else tally.bySource.set(source, 0);
  }
}

function labelOf(event: SecurityEvent): string {
  if ('code' in event) return `${event.kind} ${event.code}`;
  return 'store' in event ? `${event.kind} ${event.store}` : event.kind;
}

/** Returns the source of an event: the user, otherwise the address. */
function sourceTextOf(event: SecurityEvent): string {
  if ('userId' in event && event.userId !== undefined) return `user ${event.userId}`;
  return event.address === undefined ? 'unknown' : sourceOf(event.address);
}

/** Returns the line of one event with its reason, for the level `debug`. */
export function explainedLineOf(event: SecurityEvent): SecurityLine {
  return lineOf(event, labelOf(event), Object.keys(event));
}

/** @param names the members to write. By default the reason is omitted, because computing it may cost work */
function lineOf(
  event: SecurityEvent,
  label: string,
  names = Object.keys(event).filter(name => name !== 'reason'),
): SecurityLine {
  const fields: Record<string, unknown> = {};
  let text = label;
  for (const name of names) {
    const value: string | number | undefined = event[name as keyof SecurityEvent];
    if (value === undefined) continue;
    if (name !== 'time') fields[name] = value;
    if (!IN_LABEL.has(name))
      text += ` ${name}=${typeof value === 'string' ? quoted(value) : value}`;
  }
  return { kind: event.kind, text, fields };
}

const IN_LABEL = new Set(['kind', 'code', 'store', 'time']);

/** Quotes a value, unless it cannot be mistaken for several members. */
function quoted(text: string): string {
  return /^[^\s="]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

function summaryOf(label: string, tally: Tally, milliseconds: number): SecurityLine {
  const active = [...tally.bySource].filter(([, events]) => events > 0);
  const [source, events] = active.reduce<readonly [string, number]>(
    (most, next) => (next[1] > most[1] ? next : most),
    ['others', tally.ofOtherSources],
  );
  const sources = `${active.length}${tally.ofOtherSources > 0 ? ' or more' : ''} source${active.length === 1 ? '' : 's'}`;
  const seconds = Math.round(milliseconds / 1000);
  return {
    kind: tally.kind,
    text: `${label}: ${tally.counted} more in ${seconds} s from ${sources}, ${events} of them from ${quoted(source)}`,
    fields: { kind: tally.kind, ...tally.label, count: tally.counted, seconds, topSource: source },
  };
}
