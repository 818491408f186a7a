import type { ClientSubscriptions, SubscriptionHub } from '../../mesh/index.js';
import type { Channel } from './transport.js';

/** The subscriptions of one client, by channel. */
export class ChannelSubscriptions {
  private readonly opened = new Map<Channel, ClientSubscriptions>();

  constructor(private readonly hub: SubscriptionHub) {}

  /** Returns the subscriptions of a channel. It opens them when the client first subscribes. */
  of(channel: Channel): ClientSubscriptions {
    let subscriptions = this.opened.get(channel);
    if (!subscriptions) this.opened.set(channel, (subscriptions = this.hub.open(channel)));
    return subscriptions;
  }

  /** Ends the subscriptions of a channel that the client has left. */
  close(channel: Channel): void {
    const subscriptions = this.opened.get(channel);
    if (!subscriptions) return;
    this.opened.delete(channel);
    this.hub.close(subscriptions);
  }
}
