import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { socketOf } from '../handler/index.js';
import { clientOf } from './client-of.js';

/** The client a message came from, as a handler parameter: a `Client`. */
export const CurrentClient = createParamDecorator((_: unknown, context: ExecutionContext) =>
  clientOf(socketOf(context)),
);
