import { sourceOf } from './address-mask.js';
import type { SecurityEvent } from './security-event.js';

/** Lines about further sources of what has been told of one source already, per interval. */
const MAX_FURTHER_LINES = 8;
/** Sources counted one by one for each kind and code; those beyond are counted together. */
const MAX_SOURCES = 1_000;

export interface SecurityLine {
  readonly kind: SecurityEvent['kind'];
  readonly text: string;
}

interface Tally {
  readonly kind: SecurityEvent['kind'];
  /** Events since the last summary that got no line of their own. */
  untold: number;
  /** The same by source. */
  readonly bySource: Map<string, number>;
  /** Untold events of sources there was no room for. */
  ofOthers: number;
}

/**
 * Decides what of many events becomes a line: the first of each kind, code and source, as long as those are few;
 * all others are counted, and told in one line for each kind and code. Every event is in exactly one line.
 */
export class SecurityTally {
  /** By kind and code, of which there is a fixed number. */
  private readonly tallies = new Map<string, Tally>();
  private furtherLines = 0;

  /** Notes an event. @returns its line, when it gets one of its own */
  add(event: SecurityEvent): SecurityLine | undefined {
    const label = labelOf(event);
    const source = sourceTextOf(event);
    const tally = this.tallies.get(label);
    if (!tally) {
      this.tallies.set(label, newTally(event.kind, source));
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

  /** Sums up what was counted since the last time. What has stopped is told anew when it begins again. */
  sumUp(milliseconds: number): SecurityLine[] {
    this.furtherLines = 0;
    const lines: SecurityLine[] = [];
    for (const [label, tally] of this.tallies) {
      if (tally.untold === 0) {
        this.tallies.delete(label);
        continue;
      }
      lines.push({ kind: tally.kind, text: summaryOf(label, tally, milliseconds) });
      reset(tally);
    }
    return lines;
  }
}

function newTally(kind: Tally['kind'], source: string): Tally {
  return { kind, untold: 0, bySource: new Map([[source, 0]]), ofOthers: 0 };
}

function count(tally: Tally, source: string, isNew: boolean): void {
  tally.untold++;
  if (isNew && tally.bySource.size >= MAX_SOURCES) tally.ofOthers++;
  else tally.bySource.set(source, (tally.bySource.get(source) ?? 0) + 1);
}

function reset(tally: Tally): void {
  tally.untold = 0;
  tally.ofOthers = 0;
  for (const [source, events] of tally.bySource) {
    if (events === 0) tally.bySource.delete(source);
    else tally.bySource.set(source, 0);
  }
}

function labelOf(event: SecurityEvent): string {
  if ('code' in event) return `${event.kind} ${event.code}`;
  return 'store' in event ? `${event.kind} ${event.store}` : event.kind;
}

/** Who an event is counted with: the user, else the address. */
function sourceTextOf(event: SecurityEvent): string {
  if ('userId' in event && event.userId !== undefined) return `user ${event.userId}`;
  return event.address === undefined ? 'unknown' : sourceOf(event.address);
}

function lineOf(event: SecurityEvent, label: string): SecurityLine {
  const facts = Object.entries(event)
    .filter(([name, value]) => !IN_LABEL.has(name) && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? quoted(value) : value}`);
  return { kind: event.kind, text: [label, ...facts].join(' ') };
}

const IN_LABEL = new Set(['kind', 'code', 'store', 'time']);

/** Bare where nothing in it could be taken for the next fact. */
function quoted(text: string): string {
  return /^[^\s="]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

function summaryOf(label: string, tally: Tally, milliseconds: number): string {
  const active = [...tally.bySource].filter(([, events]) => events > 0);
  const [source, events] = active.reduce<readonly [string, number]>(
    (most, next) => (next[1] > most[1] ? next : most),
    ['others', tally.ofOthers],
  );
  const sources = `${active.length}${tally.ofOthers > 0 ? ' or more' : ''} source${active.length === 1 ? '' : 's'}`;
  const seconds = Math.round(milliseconds / 1000);
  return `${label}: ${tally.untold} more in ${seconds} s from ${sources}, ${events} of them from ${quoted(source)}`;
}
