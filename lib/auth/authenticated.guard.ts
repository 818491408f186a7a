import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { clientOf } from '../connection/index.js';
import { perHandler, refusing, socketOf } from '../handler/index.js';
import { RefusalError } from '../protocol/index.js';
import { isPublicHandler } from './public.decorator.js';

/** Rejects clients that are not authenticated, except for `@Public()` handlers. */
@Injectable()
export class AuthenticatedGuard implements CanActivate {
  private readonly isMarkedPublic = perHandler(context =>
    isPublicHandler(context.getClass(), context.getHandler()),
  );

  constructor(private readonly clock: Clock) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return refusing(context, () => {
      if (this.isPublic(context)) return true;
      const { user, expiresAt = 0 } = clientOf(socketOf(context));
      if (!user)
        throw new RefusalError('UNAUTHENTICATED', { reason: 'the client has not sent a token' });
      if (expiresAt <= this.clock.now())
        throw new RefusalError('SESSION_EXPIRED', { reason: 'the session has expired' });
      return true;
    });
  }

  protected isPublic(context: ExecutionContext): boolean {
    return this.isMarkedPublic(context);
  }
}
