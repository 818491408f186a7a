import type { OnModuleInit, Provider } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { GatewayCatalog } from '../gateway/index.js';
import {
  ClassValidation,
  needsClassValidation,
  validationOf,
  type ValidationMeans,
} from '../handler/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { forgottenIn } from './forgotten-decorators.js';
import { GLOBALS_REACH_GATEWAYS } from './global-enhancers.js';

/** Finds handler parameters whose data looks validated and is not, and those without a decorator. */
export class ValidationCheck implements OnModuleInit {
  private constructor(
    private readonly catalog: GatewayCatalog,
    private readonly config: ApplicationConfig,
    private readonly classes: ClassValidation | undefined,
  ) {}

  /** Loads class-validator if a handler parameter needs it. */
  static async create(
    catalog: GatewayCatalog,
    config: ApplicationConfig,
  ): Promise<ValidationCheck> {
    const isNeeded = catalog
      .list()
      .some(({ metatype, handlers }) =>
        handlers.some(({ method }) => needsClassValidation(metatype, method)),
      );
    const classes = isNeeded ? await ClassValidation.load() : undefined;
    return new ValidationCheck(catalog, config, classes);
  }

  get means(): ValidationMeans {
    const globalPipes = GLOBALS_REACH_GATEWAYS
      ? [
          ...this.config.getGlobalPipes(),
          ...this.config.getGlobalRequestPipes().map(({ metatype }) => metatype),
        ]
      : [];
    return { classes: this.classes, globalPipes };
  }

  /** Returns a sentence for every parameter that does not receive what its declaration says. */
  problems(): string[] {
    return this.catalog
      .list()
      .flatMap(({ metatype, handlers }) =>
        handlers.flatMap(({ method }) => [
          ...validationOf(metatype, method, this.means).problems,
          ...forgottenIn(metatype, method),
        ]),
      );
  }

  /**
   * A stock adapter runs no start checks, so this hook refuses the start.
   *
   * @throws SemanticEventsConfigError that lists every problem
   */
  onModuleInit(): void {
    const problems = this.problems();
    if (problems.length > 0) throw new SemanticEventsConfigError(problems);
  }
}

export const VALIDATION_CHECK: Provider = {
  provide: ValidationCheck,
  useFactory: (catalog: GatewayCatalog, config: ApplicationConfig) =>
    ValidationCheck.create(catalog, config),
  inject: [GatewayCatalog, ApplicationConfig],
};
