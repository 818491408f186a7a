import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  Optional,
} from '@nestjs/common';
import { Clock } from '../clock.js';
import { inTime } from '../maybe-promise.js';
import { contained, SecurityEvents, thrown } from '../monitoring/index.js';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SigningKeyOptions,
} from '../options/index.js';
import { OutageLog } from '../outage-log.js';
import { isInstance, SemanticEventsConfigError } from '../protocol/index.js';
import { EventSigner } from './event-signer.js';

/** How long the source of the keys may take, in milliseconds. */
const TIMEOUT = 10_000;

/**
 * Reads the key ring again every `signing.refresh` milliseconds, if `signing.keys` is a function. A refresh that fails keeps the
 * ring in use: it is logged, told to `SecurityEvents`, and shown by the health indicator and the checklist.
 */
@Injectable()
export class KeyRefresh implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly outages: OutageLog;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<boolean> | undefined;
  private isClosed = false;
  private failure: string | undefined;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    clock: Clock,
    private readonly signer: EventSigner,
    @Optional() private readonly events?: SecurityEvents,
  ) {
    this.outages = new OutageLog(clock);
  }

  /** Why the last refresh failed; undefined if it did not. */
  get problem(): string | undefined {
    return this.failure;
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  onApplicationShutdown(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  /**
   * Reads the key ring now, such as on a signal. Never throws.
   *
   * @returns whether the ring in use is the one of the source; false if `signing.keys` is no function
   */
  async refresh(): Promise<boolean> {
    const { keySource } = this.options.signing;
    if (!keySource) return false;
    this.running ??= this.read(keySource).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private schedule(): void {
    const { keySource, refresh } = this.options.signing;
    if (!keySource || this.isClosed) return;
    this.timer = setTimeout(
      contained(async () => {
        await this.refresh();
        this.schedule();
      }),
      refresh,
    ).unref();
  }

  private async read(source: () => unknown): Promise<boolean> {
    try {
      const keys = await inTime(
        Promise.resolve().then(source),
        TIMEOUT,
        new SemanticEventsConfigError([`signing.keys did not answer in ${TIMEOUT / 1000} s`]),
      );
      if (this.isClosed) return false;
      this.use(keys as SigningKeyOptions[]);
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private use(keys: readonly SigningKeyOptions[]): void {
    const before = this.signer.keys;
    this.signer.rotate(keys);
    if (this.failure !== undefined) this.outages.end('signing.keys can be read again');
    this.failure = undefined;
    if (!isSameRing(before, this.signer.keys)) this.events?.keysRotated(keys.length);
  }

  /** The message of a foreign error may hold a key. Problems of the ring name members only. */
  private fail(error: unknown): void {
    const reason = isInstance(error, SemanticEventsConfigError)
      ? error.problems.join('; ')
      : thrown(error);
    if (this.failure === undefined)
      this.outages.begin(`The key ring cannot be refreshed, the old one stays in use: ${reason}`);
    this.failure = reason;
    this.events?.keyRefreshFailed(reason);
  }
}

type Ring = EventSigner['keys'];

function isSameRing(one: Ring, other: Ring): boolean {
  return (
    one.length === other.length &&
    one.every((key, at) => {
      const { id, key: secret, notBefore, notAfter } = other[at] as Ring[number];
      return (
        key.id === id &&
        key.key.equals(secret) &&
        key.notBefore === notBefore &&
        key.notAfter === notAfter
      );
    })
  );
}
