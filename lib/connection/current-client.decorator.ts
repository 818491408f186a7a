import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { socketOf } from '../handler/index.js';
import { clientOf } from './client-of.js';

/** Injects the `Client` that sent the message into a handler parameter. */
export const CurrentClient = createParamDecorator((_: unknown, context: ExecutionContext) =>
  clientOf(socketOf(context)),
);
