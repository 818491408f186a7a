import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { addressGroup, clientOf } from '../connection/index.js';
import { refusing } from '../handler/index.js';
import { after } from '../maybe-promise.js';
import { RefusalError } from '../protocol/index.js';
import { boundedKey } from './bucket-key.js';
import {
  RATE_LIMIT,
  type RateLimitDecoratorOptions,
  SKIP_RATE_LIMIT,
} from './rate-limit.metadata.js';
import { RateLimiter } from './rate-limiter.js';
import type { RateLimitDecision } from './token-bucket.js';

/** Enforces `@RateLimit`. Override `limitOf`, `keyOf` or `costOf` to decide differently. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  /** Calls that have been charged: a limit on a gateway and one on its handler bring the guard in twice. */
  private readonly charged = new WeakSet<ExecutionContext>();

  constructor(
    private readonly limiter: RateLimiter,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const limit = this.limitOf(context);
    if (!limit || this.charged.has(context)) return true;
    this.charged.add(context);
    return refusing(context, () => {
      const cost = this.costOf(context, limit);
      return after(this.limiter.take(this.keyOf(context, limit), limit, cost), passOrRefuse);
    });
  }

  protected limitOf(context: ExecutionContext): RateLimitDecoratorOptions | undefined {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.get<true | undefined>(SKIP_RATE_LIMIT, context.getHandler()))
      return undefined;
    return this.reflector.getAllAndOverride<RateLimitDecoratorOptions | undefined>(
      RATE_LIMIT,
      targets,
    );
  }

  protected keyOf(context: ExecutionContext, limit: RateLimitDecoratorOptions): string {
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    return boundedKey(`${handler}:${this.subjectOf(context, limit)}`);
  }

  protected costOf(_context: ExecutionContext, limit: RateLimitDecoratorOptions): number {
    return limit.cost ?? 1;
  }

  private subjectOf(context: ExecutionContext, { by = 'user' }: RateLimitDecoratorOptions): string {
    const client = clientOf(context.switchToWs().getClient<object>());
    if (typeof by === 'function') return `custom:${by(client, context)}`;
    if (by === 'client') return `client:${client.id}`;
    return by === 'user' && client.user
      ? `user:${client.user.id}`
      : `address:${addressGroup(client.address)}`;
  }
}

function passOrRefuse({ allowed, retryAfter }: RateLimitDecision): true {
  if (!allowed) throw new RefusalError('RATE_LIMITED', retryAfter);
  return true;
}
