import type { CanActivate, Type } from '@nestjs/common';
import { Problems } from '../options/index.js';

/** Routes for administrators: the list of connections, disconnecting, and logging users out. */
export interface DevtoolsOptions {
  /**
   * Accepts administrators only. If a module of the application provides or uses this guard, that instance is used.
   * Otherwise the module of this library creates it.
   */
  guard: Type<CanActivate>;
  /** The path before `/connections` and `/users`. @default 'semantic-events' */
  path?: string;
}

/** DI token of the options of the routes for administrators; null if there are no such routes. */
export const DEVTOOLS = Symbol('DEVTOOLS');

/** Validates the options. @throws SemanticEventsConfigError naming every problem */
export function assertDevtools(options: DevtoolsOptions): void {
  const problems = new Problems();
  if (problems.unknown('devtools', options, ['guard', 'path'])) {
    problems.text('devtools.path', options.path);
    if (typeof (options.guard as unknown) !== 'function')
      problems.add(
        'devtools.guard',
        'must be a guard: without one every client could disconnect users',
      );
  }
  problems.throwIfAny();
}
