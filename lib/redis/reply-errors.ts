import { errorText, isError } from '../monitoring/index.js';

/** The error codes of a Redis that answers, but cannot execute commands for this client. */
const OUTAGES = new Set([
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOAUTH',
  'NOPERM',
]);

/** Returns the code of a Redis error. Before Redis 7, an error inside a script has its code later in the message. */
export function replyCode({ message }: Error): string {
  const [, code = ''] =
    /^ERR Error running script.*? -([A-Z]+) /.exec(message) ?? /^([A-Z]+)/.exec(message) ?? [];
  return code;
}

/** The part of an error reply that repeats what was sent. */
const SENT = /, with args beginning with:.*/s;

/** Describes an error reply for the log. */
export function replyProblem(error: Error): string {
  const problem = errorText(error, 'message').replace(SENT, '');
  return replyCode(error) === 'MOVED'
    ? `${problem}: it belongs to a cluster, so pass a Cluster of ioredis as redisStores.client`
    : problem;
}

/** Whether an error concerns Redis as a whole, and not only one command. */
export function isOutage(error: Error): boolean {
  return error.name !== 'ReplyError' || OUTAGES.has(replyCode(error));
}

/** Whether an error reports that Redis has no memory left. */
export function isFull(error: unknown): boolean {
  return isError(error) && replyCode(error) === 'OOM';
}

/** Whether an error reports that the server is a replica. */
export function isReadOnly(error: unknown): boolean {
  return isError(error) && replyCode(error) === 'READONLY';
}
