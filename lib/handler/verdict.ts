import { HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { type Code, isInstance, RefusalError } from '../protocol/index.js';
import { RefusalException } from './refusal.exception.js';

/** Errors of jsonwebtoken and jose for an invalid token. Their other errors are failures. */
const OF_TOKENS = new Set(['JsonWebTokenError', 'TokenExpiredError', 'NotBeforeError']);
const CODE_OF_TOKENS =
  /^ERR_(?:JW[EST]_|JOSE_ALG_NOT_ALLOWED|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE_MATCHING_KEYS)/;

/** Codes that tell a client to try again: nothing was decided about it. */
const UNDECIDED: ReadonlySet<Code> = new Set(['UNAVAILABLE', 'INTERNAL', 'RATE_LIMITED']);

/**
 * HTTP statuses that ask for another attempt later: Request Timeout (RFC 9110), Too Early (RFC 8470), Too Many Requests (RFC
 * 6585). A service that is overloaded answers with them.
 */
const LATER = new Set([408, 425, 429]);

/** Returns whether an HTTP status rejects the request, instead of asking for it again later. */
export function isRejectingStatus(status: number): boolean {
  return status < 500 && !LATER.has(status);
}

/**
 * Returns whether an error is a decision of the application to reject. Any other error is a failure and says nothing about
 * the client: if a database is down, the token may still be valid.
 */
export function isVerdict(error: unknown): error is Error {
  try {
    return decides(error);
  } catch {
    // Reading a member of the error threw.
    return false;
  }
}

function decides(error: unknown): boolean {
  if (RefusalError.is(error) || isInstance(error, RefusalException))
    return !UNDECIDED.has(error.code);
  if (isInstance(error, WsException)) return true;
  if (isInstance(error, HttpException)) return isRejectingStatus(error.getStatus());
  if (!isInstance(error, Error)) return false;
  const { code } = error as { code?: unknown };
  return OF_TOKENS.has(error.name) || (typeof code === 'string' && CODE_OF_TOKENS.test(code));
}
