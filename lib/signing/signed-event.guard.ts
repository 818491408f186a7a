import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { clientOf } from '../connection/index.js';
import { jsonOf, oncePerEvent, type SemanticEvent } from '../event/index.js';
import { messageOf, perHandler, refusing, socketOf, validEventOf } from '../handler/index.js';
import type { MaybePromise } from '../maybe-promise.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { passOrRefuse, type PendingDecision, pendingDecisionOf } from '../rate-limit/index.js';
import { type NonceScope, NonceTracker } from '../replay/index.js';
import { EventSigner } from './event-signer.js';
import type { AcceptedKeys } from './signing-keys.js';

export interface SignedEventOptions {
  /** The keys that may sign an event. @default 'any' */
  keys?: AcceptedKeys;
}

export const SIGNED_EVENT = Symbol('SIGNED_EVENT');

/** Enforces `@SignedEvent`: time window, then signature, then nonce. Only a valid event may use up its nonce. */
@Injectable()
export class SignedEventGuard implements CanActivate {
  private readonly optionsOf = perHandler(context =>
    this.reflector.get<SignedEventOptions | undefined>(SIGNED_EVENT, context.getHandler()),
  );

  constructor(
    protected readonly signer: EventSigner,
    protected readonly nonces: NonceTracker,
    private readonly reflector: Reflector,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return refusing(context, () => {
      const event = validEventOf(context, this.options.event);
      // An event signed for one handler must not reach another handler through Nest's own frame.
      if (event.type !== messageOf(context))
        throw new RefusalError('INVALID_SIGNATURE', {
          reason: 'the type of the event differs from the type in the frame',
        });
      return this.useNonce(event, this.verify(event, context), pendingDecisionOf(context));
    });
  }

  /** Uses up the nonce of an event, once even if several gateways handle the event of one frame. */
  protected useNonce(
    event: SemanticEvent,
    scope: NonceScope,
    limit?: PendingDecision,
  ): MaybePromise<true> {
    let isFirst = false as boolean;
    const used = oncePerEvent(event, () => {
      isFirst = true;
      return this.nonces.use(event, scope, limit);
    });
    return isFirst || !limit ? used : limit.decided.then(passOrRefuse).then(() => used);
  }

  /** Verifies time window and signature. @returns the scope of the nonce */
  protected verify(event: SemanticEvent, context: ExecutionContext): NonceScope {
    const client = clientOf(socketOf(context));
    return this.signer.verifyScope(event, {
      client,
      keys: this.optionsOf(context)?.keys,
      json: jsonOf(event),
    });
  }
}
