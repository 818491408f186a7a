import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { type Client, clientOf } from '../connection/index.js';
import type { SemanticEvent } from '../event/index.js';
import { eventOf, GuardRank, socketOf, UseRankedGuard } from '../handler/index.js';
import { Problems } from '../options/index.js';
import { authorizing } from './authorization.js';

/** Whether a client may have an event handled. Anything but true forbids; so does throwing or rejecting. */
export type Authorization = (client: Client, event: SemanticEvent) => boolean | Promise<boolean>;

/**
 * Lets a handler be called only with events that a check allows; others are refused with `FORBIDDEN`. On a
 * method it is asked after the signature was verified, on a gateway before the guards of its methods. Where
 * there are several, all must allow. Messages that are not events are refused with `INVALID_EVENT`.
 *
 * @throws SemanticEventsConfigError when the check is not a function
 */
export function Authorize(check: Authorization): ClassDecorator & MethodDecorator {
  const problems = new Problems();
  if (typeof (check as unknown) !== 'function') problems.add('@Authorize', 'needs a function');
  problems.throwIfAny();
  return UseAuthorization((client, context) => {
    const event = eventOf(context);
    return () => check(client, event);
  });
}

/**
 * Attaches a guard of its own for each check, because Nest does not tell a guard whether it was called for the
 * gateway or for the method.
 *
 * @param prepare may refuse by itself; what it returns decides
 */
export function UseAuthorization(
  prepare: (client: Client, context: ExecutionContext) => () => unknown,
): ClassDecorator & MethodDecorator {
  @Injectable()
  class AuthorizationGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean | Promise<boolean> {
      const client = clientOf(socketOf(context));
      return authorizing(context, prepare(client, context));
    }
  }
  return UseRankedGuard(GuardRank.Authorization, AuthorizationGuard);
}
