import { setTimeout as wait } from 'node:timers/promises';
import type { RedisClient } from './redis-options.js';

/** How long Redis may take to let go of a connection, in milliseconds. */
const CLOSE_TIMEOUT = 200;

/** Has a connection carry out nothing late: what was not answered is refused, and not to be sent again. */
export function promptSettings(commandTimeout: number) {
  return {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: Math.max(commandTimeout, 1_000),
    disconnectTimeout: CLOSE_TIMEOUT,
  };
}

/** Ends a connection; resolves when it is gone, or Redis has had its time to let it go. */
export async function letGo(connection: RedisClient): Promise<void> {
  if (connection.status === 'end') return;
  const gone = new Promise(resolve => connection.once('end', resolve));
  connection.disconnect();
  await Promise.race([gone, wait(CLOSE_TIMEOUT, undefined, { ref: false })]);
}
