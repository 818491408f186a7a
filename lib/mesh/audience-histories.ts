import { ChannelHistory, type HistoryLimits } from './channel-history.js';
import type { LogEntry } from './event-log.js';

/**
 * The history of one audience, linked to the one whose newest entry came next. A Map in this order takes 10 times as long:
 * to find its first key, it steps over every key that was moved to the end.
 */
class AudienceHistory extends ChannelHistory {
  older: AudienceHistory | undefined;
  newer: AudienceHistory | undefined;

  constructor(
    readonly channel: string,
    limits: HistoryLimits,
  ) {
    super(limits);
  }
}

/** The number of histories that are compared to find one that may lose an entry. */
const CANDIDATES = 8;

/** The histories of all audiences, in memory. They share one limit, and each of them has a lower limit of its own. */
export class AudienceHistories {
  /** The histories by the power of two of their characters. */
  private readonly bySize: Set<AudienceHistory>[] = [];
  private readonly byChannel = new Map<string, AudienceHistory>();
  private oldest: AudienceHistory | undefined;
  private newest: AudienceHistory | undefined;
  private count = 0;
  private size = 0;
  /** The cursor of the newest entry that was dropped together with its whole history. */
  private droppedUpTo: string | undefined;

  constructor(
    private readonly limits: HistoryLimits,
    private readonly limitsOfEach: HistoryLimits,
  ) {}

  /** The cursor up to which a history that is missing here may have had entries. */
  get dropped(): string | undefined {
    return this.droppedUpTo;
  }

  of(channel: string): ChannelHistory | undefined {
    return this.byChannel.get(channel);
  }

  /**
   * Adds an entry. Beyond the shared number of entries it drops whole histories, first the one without an entry for the longest
   * time. Beyond the shared number of characters it drops the oldest entry of one of the largest histories: a few audiences with
   * large events must not replace the histories of all others.
   */
  add(entry: LogEntry): void {
    const history = this.byChannel.get(entry.channel) ?? this.newHistory(entry.channel);
    this.moveToEnd(history);
    this.leave(history);
    history.add(entry);
    this.enter(history);
    const { maxEvents, maxHistorySize } = this.limits;
    while (this.oldest && (this.count > maxEvents || this.size > maxHistorySize)) {
      const largest = this.count > maxEvents ? undefined : this.largest();
      if (!largest) {
        this.drop(this.oldest);
        continue;
      }
      this.leave(largest);
      largest.dropOldest();
      this.enter(largest);
    }
  }

  /** Returns one of the largest histories with several entries. */
  private largest(): AudienceHistory | undefined {
    let candidates = 0;
    for (let power = this.bySize.length - 1; power >= 0; power--)
      for (const history of this.bySize[power] ?? []) {
        if (history.length > 1) return history;
        if (++candidates >= CANDIDATES) return undefined;
      }
    return undefined;
  }

  private enter(history: AudienceHistory): void {
    this.count += history.length;
    this.size += history.characters;
    (this.bySize[powerOf(history)] ??= new Set()).add(history);
  }

  private leave(history: AudienceHistory): void {
    this.count -= history.length;
    this.size -= history.characters;
    this.bySize[powerOf(history)]?.delete(history);
  }

  private newHistory(channel: string): AudienceHistory {
    const history = new AudienceHistory(channel, this.limitsOfEach);
    // Earlier entries of this channel may be among the dropped ones.
    if (this.dropped !== undefined) history.markDropped(this.dropped);
    this.byChannel.set(channel, history);
    return history;
  }

  private moveToEnd(history: AudienceHistory): void {
    if (history === this.newest) return;
    this.unlink(history);
    history.older = this.newest;
    if (this.newest) this.newest.newer = history;
    else this.oldest = history;
    this.newest = history;
  }

  private unlink(history: AudienceHistory): void {
    const { older, newer } = history;
    if (older) older.newer = newer;
    else if (this.oldest === history) this.oldest = newer;
    if (newer) newer.older = older;
    else if (this.newest === history) this.newest = older;
    history.older = history.newer = undefined;
  }

  private drop(history: AudienceHistory): void {
    this.unlink(history);
    this.byChannel.delete(history.channel);
    this.leave(history);
    // The histories are dropped in the order of their newest entries.
    this.droppedUpTo = history.newest?.cursor ?? this.droppedUpTo;
  }
}

function powerOf({ characters }: AudienceHistory): number {
  return characters === 0 ? 0 : Math.floor(Math.log2(characters));
}
