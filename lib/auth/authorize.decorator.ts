import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Optional,
} from '@nestjs/common';
import { type Client, clientOf } from '../connection/index.js';
import type { SemanticEvent } from '../event/index.js';
import { eventOf, GuardRank, socketOf, UseRankedGuard } from '../handler/index.js';
import {
  DEFAULTS,
  Problems,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { authorizing } from './authorization.js';

/**
 * Decides whether a client may send an event to a handler. Only `true` accepts it. If it throws, the answer is
 * `UNAVAILABLE`.
 */
export type Authorization = (client: Client, event: SemanticEvent) => boolean | Promise<boolean>;

/**
 * Calls a handler only for events that a check allows. Other events are rejected with `FORBIDDEN`, and messages that are
 * not events with `INVALID_EVENT`. On a method the check runs after the signature was verified; on a gateway it runs before
 * the guards of the methods. If there are several checks, all must allow the event.
 *
 * @throws SemanticEventsConfigError if the check is not a function
 */
export function Authorize(check: Authorization): ClassDecorator & MethodDecorator {
  const problems = new Problems();
  if (typeof (check as unknown) !== 'function') problems.add('@Authorize', 'needs a function');
  problems.throwIfAny();
  return UseAuthorization('@Authorize', (client, context) => {
    const event = eventOf(context);
    return () => check(client, event);
  });
}

/**
 * Adds one guard for each check, because Nest does not tell a guard whether it runs for the gateway or for the method.
 *
 * @param name the name of the check, for operators and errors
 * @param prepare may reject the event itself; otherwise it returns the authorization
 */
export function UseAuthorization(
  name: string,
  prepare: (client: Client, context: ExecutionContext) => () => unknown,
): ClassDecorator & MethodDecorator {
  @Injectable()
  class AuthorizationGuard implements CanActivate {
    constructor(
      @Optional() @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options?: ResolvedOptions,
    ) {}

    canActivate(context: ExecutionContext): boolean | Promise<boolean> {
      const client = clientOf(socketOf(context));
      const { timeout } = this.options?.auth ?? DEFAULTS.auth;
      return authorizing(context, prepare(client, context), name, timeout);
    }
  }
  return UseRankedGuard(GuardRank.Authorization, AuthorizationGuard, name);
}
