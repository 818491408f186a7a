import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ContextIdFactory, type ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { ClientAddressResolver } from '../connection/index.js';
import { isRejectingStatus } from '../handler/index.js';
import { isError } from '../monitoring/index.js';
import type { ResolvedOptions } from '../options/index.js';
import { isInstance, factsOf, RefusalError } from '../protocol/index.js';
import type { AttemptKind, AuthAttempts } from './auth-attempts.js';
import { incomingOf } from './ticket-route.js';

/**
 * Runs the application's guard on a route of this library. It uses the guard of the module that provides it, with its
 * dependencies. If no module provides it, it creates the guard here. Rejected requests are limited per address, because the
 * guard may check a secret that can be guessed.
 */
export abstract class RouteGuard implements CanActivate, OnModuleInit {
  private ownGuard: CanActivate | undefined;
  private readonly addresses: ClientAddressResolver;

  protected constructor(
    private readonly guard: Type<CanActivate>,
    private readonly requests: AttemptKind,
    private readonly modules: ModuleRef,
    private readonly attempts: AuthAttempts,
    { connection }: ResolvedOptions,
  ) {
    this.addresses = new ClientAddressResolver(connection.trustProxy);
  }

  async onModuleInit(): Promise<void> {
    if (!this.isKnown()) this.ownGuard = await this.modules.create(this.guard);
  }

  /** @throws HttpException 429 or 503 `{"code","message"}`, and any error of the application's guard */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<object>();
    const address = this.addresses.addressOf(incomingOf(request));
    let outage: Error | undefined;
    try {
      return await this.attempts.attempt(
        { address },
        async () => {
          try {
            return await this.runGuard(context, request);
          } catch (error) {
            if (isVerdict(error)) throw error;
            outage = isError(error) ? error : new Error('The guard of a route failed');
            throw new RefusalError('UNAVAILABLE');
          }
        },
        this.requests,
      );
    } catch (error) {
      if (outage) throw outage;
      throw RefusalError.is(error) ? asHttp(error, context) : error;
    }
  }

  private async runGuard(context: ExecutionContext, request: object): Promise<boolean> {
    const guard = this.ownGuard ?? (await this.resolve(request));
    const answer = guard.canActivate(context);
    return isObservable(answer) ? lastValueFrom(answer) : answer;
  }

  private isKnown(): boolean {
    try {
      this.modules.introspect(this.guard);
      return true;
    } catch {
      return false;
    }
  }

  private resolve(request: object): Promise<CanActivate> {
    const contextId = ContextIdFactory.getByRequest(request);
    // Nest does this only for instances that it creates itself.
    this.modules.registerRequestByContextId(request, contextId);
    return this.modules.resolve(this.guard, contextId, { strict: false });
  }
}

/** Returns whether the guard has rejected the request. Any other error is a failure of the guard. */
function isVerdict(error: unknown): boolean {
  return isInstance(error, HttpException) && isRejectingStatus(error.getStatus());
}

function asHttp({ code, retryAfter }: RefusalError, context: ExecutionContext): HttpException {
  const { status = 500, message } = factsOf(code);
  if (retryAfter !== undefined)
    // Express and Fastify both have this method.
    context
      .switchToHttp()
      .getResponse<{ header(name: string, value: string): unknown }>()
      .header('Retry-After', String(Math.ceil(retryAfter / 1000)));
  return new HttpException({ code, message }, status);
}
