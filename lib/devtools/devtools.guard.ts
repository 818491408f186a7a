import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type AttemptKind, AuthAttempts, RouteGuard } from '../auth/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { DEVTOOLS, type DevtoolsOptions } from './devtools-options.js';

const REQUESTS: AttemptKind = { name: 'devtools:', factor: 1 };

/** Runs the application's guard on the routes for administrators. */
@Injectable()
export class DevtoolsGuard extends RouteGuard {
  constructor(
    @Inject(DEVTOOLS) { guard }: DevtoolsOptions,
    modules: ModuleRef,
    attempts: AuthAttempts,
    @Inject(SEMANTIC_EVENTS_OPTIONS) options: ResolvedOptions,
  ) {
    super(guard, REQUESTS, modules, attempts, options);
  }
}
