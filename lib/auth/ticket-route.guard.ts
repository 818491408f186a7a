import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import {
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type TicketRouteOptions,
} from '../options/index.js';
import { AuthAttempts, type AttemptKind } from './auth-attempts.js';
import { RouteGuard } from './route.guard.js';
import { TICKET_ROUTE } from './ticket-route.js';

/**
 * Allows more attempts than for log-ins. Pages with an expired session retry often, and must not lock out other users of
 * their address.
 */
const REQUESTS: AttemptKind = { name: 'ticket-route:', factor: 10 };

/** Runs the application's guard on the ticket route. */
@Injectable()
export class TicketRouteGuard extends RouteGuard {
  constructor(
    @Inject(TICKET_ROUTE) { guard }: TicketRouteOptions,
    modules: ModuleRef,
    attempts: AuthAttempts,
    @Inject(SEMANTIC_EVENTS_OPTIONS) options: ResolvedOptions,
  ) {
    super(guard, REQUESTS, modules, attempts, options);
  }
}
