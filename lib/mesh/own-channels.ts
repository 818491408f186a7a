import type { Client } from '../connection/index.js';
import { callEach, type MaybePromise } from '../maybe-promise.js';
import type { ChannelMember, SubscriptionSource } from './subscription.js';

interface Owner extends ChannelMember {
  readonly client: Client;
  readonly isOpen: boolean;
}

/** The channels that belong to one client: its user, session, connection and rooms. */
export class OwnChannels {
  /** For each channel, the cursor since which it belongs to the client. */
  private readonly channels = new Map<string, string>();

  constructor(
    private readonly owner: Owner,
    private readonly source: SubscriptionSource,
  ) {}

  get names(): string[] {
    return [...this.channels.keys()];
  }

  /** Returns the cursor since which a channel belongs to the client, or undefined if it does not. */
  since(channel: string): string | undefined {
    return this.channels.get(channel);
  }

  /** Listens to a channel of the client. @param since the cursor since which the channel belongs to the client */
  listenTo(channel: string, since: string): MaybePromise<void> {
    if (this.channels.has(channel) || !this.owner.isOpen) return;
    this.channels.set(channel, since);
    return this.source.listen(channel, this.owner);
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
