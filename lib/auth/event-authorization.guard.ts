import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { clientOf } from '../connection/index.js';
import { isMeantAsEvent } from '../event/index.js';
import { eventOf, payloadOf, socketOf, validEventOf } from '../handler/index.js';
import { after } from '../maybe-promise.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { authorizing } from './authorization.js';
import { EventAuthorizer } from './event-authorizer.js';

/** Calls the `EventAuthorizer` for each event of a client. It ignores messages that are not events. */
@Injectable()
export class EventAuthorizationGuard implements CanActivate {
  constructor(
    private readonly authorizer: EventAuthorizer,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (!isMeantAsEvent(payloadOf(context))) return true;
    const event = validEventOf(context, this.options.event);
    const client = clientOf(socketOf(context));
    const allowed = authorizing(
      context,
      () => this.authorizer.canPublish(client, event),
      'EventAuthorizer.canPublish',
      this.options.auth.timeout,
    );
    // Authorize the event that the handler receives, not only the one that the message carries.
    return after(allowed, () => eventOf(context) === event);
  }
}
