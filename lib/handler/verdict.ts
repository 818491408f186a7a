import { HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { isInstance, RefusalError } from '../protocol/index.js';

/** Errors of jsonwebtoken and jose for an invalid token. Their other errors are failures. */
const OF_TOKENS = new Set(['JsonWebTokenError', 'TokenExpiredError', 'NotBeforeError']);
const CODE_OF_TOKENS =
  /^ERR_(?:JW[EST]_|JOSE_ALG_NOT_ALLOWED|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE_MATCHING_KEYS)/;

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
  if (RefusalError.is(error)) return error.code !== 'UNAVAILABLE' && error.code !== 'INTERNAL';
  if (isInstance(error, WsException)) return true;
  if (isInstance(error, HttpException)) return error.getStatus() < 500;
  if (!isInstance(error, Error)) return false;
  const { code } = error as { code?: unknown };
  return OF_TOKENS.has(error.name) || (typeof code === 'string' && CODE_OF_TOKENS.test(code));
}
