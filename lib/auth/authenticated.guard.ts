import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Clock } from '../clock.js';
import { clientOf } from '../connection/index.js';
import { perHandler, refusing, socketOf } from '../handler/index.js';
import { RefusalError } from '../protocol/index.js';
import { PUBLIC } from './public.decorator.js';

/** Lets only authenticated clients pass, but for what is `@Public()`. */
@Injectable()
export class AuthenticatedGuard implements CanActivate {
  private readonly isMarkedPublic = perHandler(
    context =>
      this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [
        context.getHandler(),
        context.getClass(),
      ]) === true,
  );

  constructor(
    private readonly reflector: Reflector,
    private readonly clock: Clock,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return refusing(context, () => {
      if (this.isPublic(context)) return true;
      const { user, expiresAt = 0 } = clientOf(socketOf(context));
      if (!user) throw new RefusalError('UNAUTHENTICATED');
      if (expiresAt <= this.clock.now()) throw new RefusalError('SESSION_EXPIRED');
      return true;
    });
  }

  protected isPublic(context: ExecutionContext): boolean {
    return this.isMarkedPublic(context);
  }
}
