import type { Client } from '../connection/index.js';
import { after, callEach, type MaybePromise, recovering } from '../maybe-promise.js';
import type { ChannelMember, SubscriptionSource } from './subscription.js';

interface Owner extends ChannelMember {
  readonly client: Client;
  readonly isOpen: boolean;
}

/** A channel of the client. */
interface Listening {
  /** The cursor since which the channel belongs to the client. */
  readonly since: string;
  /** Resolves when the client receives every later event of the channel. Undefined after that. */
  starting: MaybePromise<void>;
}

/** The channels that belong to one client: its user, session, connection and rooms. */
export class OwnChannels {
  private readonly channels = new Map<string, Listening>();

  constructor(
    private readonly owner: Owner,
    private readonly source: SubscriptionSource,
  ) {}

  get names(): string[] {
    return [...this.channels.keys()];
  }

  /** Returns the cursor since which a channel belongs to the client, or undefined if it does not. */
  since(channel: string): string | undefined {
    return this.channels.get(channel)?.since;
  }

  /**
   * Listens to a channel of the client. If that fails, the next call tries again.
   *
   * @param since the cursor since which the channel belongs to the client
   */
  listenTo(channel: string, since: string): MaybePromise<void> {
    if (!this.owner.isOpen) return;
    const known = this.channels.get(channel);
    if (known) return known.starting;
    const listening: Listening = { since, starting: undefined };
    this.channels.set(channel, listening);
    listening.starting = recovering(
      () =>
        after(this.source.listen(channel, this.owner), () => {
          listening.starting = undefined;
        }),
      error => {
        if (this.channels.get(channel) === listening) this.leave(channel);
        throw error;
      },
    );
    return listening.starting;
  }

  leave(channel: string): void {
    if (this.channels.delete(channel)) this.source.unlisten(channel, this.owner);
  }

  leaveAll(): void {
    for (const channel of this.names) this.leave(channel);
  }

  /** Listens to the channels that belong to the client now, and leaves all others. */
  follow(): MaybePromise<void> {
    const own = this.source.channelsOf(this.owner.client);
    const names = new Set(own.map(({ channel }) => channel));
    for (const channel of this.names) if (!names.has(channel)) this.leave(channel);
    return callEach(own, ({ channel, since }) => this.listenTo(channel, since));
  }
}
