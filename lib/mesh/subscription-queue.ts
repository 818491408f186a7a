import type { MaybePromise } from '../maybe-promise.js';
import type { SubscriptionMembers } from '../protocol/index.js';
import type { SubscriptionOutlet, SubscriptionSource } from './subscription.js';
import { readSubscription, requestIdOf, type SubscriptionRequest } from './subscription-request.js';
import type { ConnectionRequests } from './waiting-requests.js';

/** Runs the subscribe and unsubscribe frames of one client one after the other, in the order of their arrival. */
export class SubscriptionQueue {
  private work: Promise<void> = Promise.resolve();
  private readonly waiting: ConnectionRequests;

  constructor(
    private readonly outlet: SubscriptionOutlet,
    private readonly source: SubscriptionSource,
    private readonly isOpen: () => boolean,
  ) {
    this.waiting = source.waiting.open();
  }

  /** Validates a frame at once, and runs its task after the tasks of earlier frames. */
  add(
    frame: SubscriptionMembers,
    task: (request: SubscriptionRequest) => MaybePromise<unknown>,
  ): void {
    let request: SubscriptionRequest;
    try {
      request = readSubscription(frame, this.source.maxPatterns);
    } catch (error) {
      this.refuse(error, requestIdOf(frame));
      return;
    }
    const { id, weight } = request;
    const free = this.waiting.reserve(String(this.outlet.client.user?.id), weight);
    if (free) this.run(() => this.isOpen() && task(request), id, free);
    else this.outlet.refuse('RATE_LIMITED', { id, reason: 'too many subscriptions wait' });
  }

  /** Runs a task after all tasks that wait. @param id the id of the request that is refused if the task fails */
  run(task: () => unknown, id?: string, done?: () => void): void {
    this.work = this.work
      .then(task)
      .then(() => undefined)
      .catch((error: unknown) => {
        this.refuse(error, id);
      })
      .finally(done);
  }

  private refuse(error: unknown, id: string | undefined): void {
    const { code, retryAfter, reason } = this.source.refusalOf(error);
    this.outlet.refuse(code, { retryAfter, reason, id });
  }
}
