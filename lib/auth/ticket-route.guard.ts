import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import type { TicketRouteOptions } from '../options/index.js';
import { TICKET_ROUTE } from './ticket-route.js';

/**
 * Runs the application's own guard on the ticket route. The guard is found where it lives, with what it needs
 * injected there; one that no module knows is made here.
 */
@Injectable()
export class TicketRouteGuard implements CanActivate, OnModuleInit {
  private made: CanActivate | undefined;

  constructor(
    @Inject(TICKET_ROUTE) private readonly route: TicketRouteOptions,
    private readonly modules: ModuleRef,
  ) {}

  async onModuleInit(): Promise<void> {
    if (!this.isKnown()) this.made = await this.modules.create(this.route.guard);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<object>();
    const guard = this.made ?? (await this.resolve(request));
    const answer = guard.canActivate(context);
    return isObservable(answer) ? lastValueFrom(answer) : answer;
  }

  private isKnown(): boolean {
    try {
      this.modules.introspect(this.route.guard);
      return true;
    } catch {
      return false;
    }
  }

  private resolve(request: object): Promise<CanActivate> {
    const contextId = ContextIdFactory.getByRequest(request);
    // Nest does that only for what it makes by itself.
    this.modules.registerRequestByContextId(request, contextId);
    return this.modules.resolve(this.route.guard, contextId, { strict: false });
  }
}
