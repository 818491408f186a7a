import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { clientOf } from '../connection/index.js';
import { eventOf, payloadOf, socketOf } from '../handler/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { authorizing } from './authorization.js';
import { EventAuthorizer } from './event-authorizer.js';

/** Asks the EventAuthorizer about every event a client sends. Messages that are not events pass. */
@Injectable()
export class EventAuthorizationGuard implements CanActivate {
  constructor(
    private readonly authorizer: EventAuthorizer,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const data = payloadOf(context);
    if (typeof data !== 'object' || data === null || !('specversion' in data)) return true;
    const event = eventOf(context, this.options.event);
    const client = clientOf(socketOf(context));
    return authorizing(context, () => this.authorizer.canPublish(client, event));
  }
}
