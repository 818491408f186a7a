import { setTimeout as wait } from 'node:timers/promises';
import type { RedisClient } from './redis-options.js';

/** How long Redis may take to close a connection, in milliseconds. */
const CLOSE_TIMEOUT = 200;

/** Returns settings that prevent late execution: a command without a reply fails, and is not sent again. */
export function promptSettings(commandTimeout: number) {
  return {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: Math.max(commandTimeout, 1_000),
    disconnectTimeout: CLOSE_TIMEOUT,
  };
}

/** Closes a connection. Resolves when it is closed or the timeout has passed. */
export async function closeConnection(connection: RedisClient): Promise<void> {
  if (connection.status === 'end') return;
  const gone = new Promise(resolve => connection.once('end', resolve));
  connection.disconnect();
  await Promise.race([gone, wait(CLOSE_TIMEOUT, undefined, { ref: false })]);
}
