import { type ExecutionContext, Logger } from '@nestjs/common';
import { refusing } from '../handler/index.js';
import { isThenable } from '../maybe-promise.js';
import { logUnexpected } from '../monitoring/index.js';
import { RefusalError } from '../protocol/index.js';

const logger = new Logger('Authorization');

/** Runs an authorization within a guard: only true lets pass, and a check that fails is a check that forbids. */
export function authorizing(context: ExecutionContext, check: () => unknown): true | Promise<true> {
  return refusing(context, () => {
    let allowed: unknown;
    try {
      allowed = check();
    } catch (error) {
      return forbidByError(error);
    }
    return isThenable(allowed)
      ? Promise.resolve(allowed).then(passOrForbid, forbidByError)
      : passOrForbid(allowed);
  });
}

function passOrForbid(allowed: unknown): true {
  if (allowed !== true) throw new RefusalError('FORBIDDEN');
  return true;
}

/** The peer learns no more than of any other refusal; whoever wrote the check does. */
function forbidByError(error: unknown): never {
  logUnexpected(logger, error);
  throw new RefusalError('FORBIDDEN');
}
