import { randomUUID } from 'node:crypto';
import { redisStores, type RedisStoresOptions } from '../../lib/redis/index.js';
import { connectionStoreContract } from '../contract/connection-store.contract.js';
import { eventLogContract } from '../contract/event-log.contract.js';
import { nonceStoreContract } from '../contract/nonce-store.contract.js';
import { rateLimitStoreContract } from '../contract/rate-limit-store.contract.js';
import { pause } from '../helpers/eventually.js';

/** Runs every port's contract. Each test has keys of its own. */
export function redisContracts(where: string, target: () => RedisStoresOptions): void {
  // Timing does not matter here: a busy machine may take longer.
  const patient = () => ({ ...target(), commandTimeout: 5_000 });
  const fresh = () =>
    redisStores({
      ...patient(),
      prefix: `${randomUUID()}:`,
      clockDrift: 10,
    });

  /** Redis keeps a nonce a little longer than its event is valid. */
  const later = (time: number) => pause(time + 1_100);
  nonceStoreContract(`RedisNonceStore on ${where}`, () => {
    const { nonceStore: store, close } = fresh();
    return { store, now: () => Date.now(), pass: later, close };
  });
  rateLimitStoreContract(`RedisRateLimitStore on ${where}`, () => {
    const { rateLimitStore: store, close } = fresh();
    return { store, pass: pause, close };
  });
  connectionStoreContract(`RedisConnectionStore on ${where}`, () => {
    const { connectionStore: store, close } = fresh();
    return { store, close };
  });
  eventLogContract(`RedisEventLog on ${where}`, bounds => {
    const { eventLog: log, close } = redisStores({
      ...patient(),
      prefix: `${randomUUID()}:`,
      ...bounds,
    });
    return { log, close };
  });
}
