import { type ExecutionContext, Injectable } from '@nestjs/common';
import { type AuthenticatedRequest, BearerGuard } from './bearer.guard.js';

/** Accepts requests with an access token of an admin. */
@Injectable()
export class AdminGuard extends BearerGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    const { user } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    return user.roles?.includes('admin') === true;
  }
}
