import { HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { type ClientRejection, isInstance } from '../protocol/index.js';
import { isClientStatus, rejectionOf } from './rejection.js';

/**
 * Returns what the client may learn about an exception of Nest: any WsException, or an HttpException with a status from 400
 * to 499. Returns undefined for every other error, because its message is not meant for clients.
 */
export function applicationRejection(exception: unknown): ClientRejection | undefined {
  if (isInstance(exception, HttpException)) {
    const status = exception.getStatus();
    if (!isClientStatus(status)) return undefined;
    return describe(exception.getResponse(), status, exception.message);
  }
  return isInstance(exception, WsException)
    ? describe(exception.getError(), 400, exception.message)
    : undefined;
}

/** Reads the text or object of an exception, as Nest sends it over HTTP. */
function describe(given: string | object, status: number, fallback: string): ClientRejection {
  if (typeof given === 'string') return rejectionOf(status, given);
  const { message, reason, status: own } = given as Record<string, unknown>;
  const text = Array.isArray(message) ? message.filter(isText).join('; ') : message;
  return rejectionOf(isClientStatus(own) ? own : status, isText(text) ? text : fallback, reason);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
