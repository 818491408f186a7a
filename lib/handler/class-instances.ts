import { HttpException, type Type } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { ValidationError } from 'class-validator';
import { thrown } from '../monitoring/index.js';
import { isInstance, RefusalError } from '../protocol/index.js';
import { classProblem } from './data-problem.js';
import { withoutDroppedPromises } from './dropped-promises.js';
import { RefusalException } from './refusal.exception.js';

/** The error of a validator that says nothing about the data: it may come from a database, or from wrong arguments. */
class FailedCheck extends Error {}

/** The errors that the language throws for a value of a wrong type or form. */
const OF_VALUES = [TypeError, RangeError, SyntaxError, URIError];

/** The same as Nest's ValidationPipe: a class whose properties have no rules of their own is accepted as part of another one. */
const OPTIONS = { forbidUnknownValues: false, validationError: { target: false } };

/**
 * Creates and validates instances of classes. class-transformer, and the functions that it calls, can only throw to reject a value,
 * so their errors become `INVALID_EVENT`. Nest's ValidationPipe is not used: all its instances share the packages of the one that
 * the application created last, which may be others.
 */
export class ClassInstances {
  constructor(
    private readonly validator: typeof import('class-validator'),
    private readonly transformer: typeof import('class-transformer'),
  ) {}

  /**
   * @param data nothing at all counts as an object without members
   * @throws RefusalException `INVALID_EVENT`, or the error of a validator that could not decide
   */
  async create(data: unknown, type: Type): Promise<object> {
    if (!isRecord(data ?? {}))
      throw new RefusalException('INVALID_EVENT', { reason: 'data must be an object' });
    try {
      const instance = withoutDroppedPromises(
        () => this.transformer.plainToInstance(type, data ?? {}) as object,
      );
      const errors = await this.validate(instance);
      if (errors.length > 0)
        throw new RefusalException('INVALID_EVENT', { reason: () => classProblem(errors) });
      return instance;
    } catch (error) {
      if (error instanceof FailedCheck) throw error.cause;
      if (isAnswer(error)) throw error;
      const reason = `the data cannot become an instance of ${type.name}: ${thrown(error)}`;
      throw new RefusalException('INVALID_EVENT', { reason });
    }
  }

  private async validate(instance: object): Promise<ValidationError[]> {
    let isPending = false;
    try {
      const errors = withoutDroppedPromises(() => this.validator.validate(instance, OPTIONS));
      isPending = true;
      return await errors;
    } catch (error) {
      // class-validator calls every validator of a property, even if another one has rejected the type of its value.
      if (!isPending && OF_VALUES.some(type => isInstance(error, type))) throw error;
      throw new FailedCheck('', { cause: error });
    }
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Returns whether an error is itself the answer to the client. */
function isAnswer(error: unknown): boolean {
  return (
    RefusalError.is(error) || isInstance(error, WsException) || isInstance(error, HttpException)
  );
}
