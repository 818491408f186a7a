import { type ArgumentMetadata, HttpException, ValidationPipe } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { ValidatorOptions } from 'class-validator';
import { thrown } from '../monitoring/index.js';
import { isInstance, RefusalError } from '../protocol/index.js';
import { classProblem } from './data-problem.js';
import { RefusalException } from './refusal.exception.js';

/** The error of a validator that says nothing about the data: it may come from a database, or from wrong arguments. */
class FailedCheck extends Error {}

/** The errors that the language throws for a value of a wrong type or form. */
const OF_VALUES = [TypeError, RangeError, SyntaxError, URIError];

/**
 * Creates and validates an instance of a class with Nest's pipe. class-transformer, and the functions that it calls, can only
 * throw to reject a value, so their errors become `INVALID_EVENT`.
 */
export class ClassDataPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      validateCustomDecorators: true,
      exceptionFactory: errors =>
        new RefusalException('INVALID_EVENT', { reason: () => classProblem(errors) }),
    });
  }

  /** @throws RefusalException `INVALID_EVENT`, or the error of a validator that could not decide */
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    try {
      return (await super.transform(value, metadata)) as unknown;
    } catch (error) {
      if (error instanceof FailedCheck) throw error.cause;
      if (isAnswer(error)) throw error;
      const reason = `the data cannot become an instance of ${metadata.metatype?.name}: ${thrown(error)}`;
      throw new RefusalException('INVALID_EVENT', { reason });
    }
  }

  protected override async validate(value: object, options?: ValidatorOptions) {
    let isPending = false;
    try {
      const errors = super.validate(value, options);
      isPending = true;
      return await errors;
    } catch (error) {
      // class-validator calls every validator of a property, even if another one has rejected the type of its value.
      if (!isPending && OF_VALUES.some(type => isInstance(error, type))) throw error;
      throw new FailedCheck('', { cause: error });
    }
  }
}

/** Returns whether an error is itself the answer to the client. */
function isAnswer(error: unknown): boolean {
  return (
    RefusalError.is(error) || isInstance(error, WsException) || isInstance(error, HttpException)
  );
}
