import { randomUUID } from 'node:crypto';
import { redisStores, type RedisStoresOptions } from '../../lib/redis/index.js';
import { connectionStoreContract } from '../contract/connection-store.contract.js';
import { eventLogContract } from '../contract/event-log.contract.js';
import { nonceStoreContract } from '../contract/nonce-store.contract.js';
import { rateLimitStoreContract } from '../contract/rate-limit-store.contract.js';
import { pause } from '../helpers/eventually.js';

/** Every port's contract, each test with keys no other has written. */
export function redisContracts(where: string, target: () => RedisStoresOptions): void {
  // What is held here is no matter of time: a busy machine may take its.
  const patient = () => ({ ...target(), commandTimeout: 5_000 });
  const fresh = () =>
    redisStores({
      ...patient(),
      prefix: `${randomUUID()}:`,
      clockDrift: 0,
      settleTime: 10,
    });

  nonceStoreContract(`RedisNonceStore on ${where}`, () => {
    const { nonceStore: store, close } = fresh();
    return { store, now: () => Date.now(), pass: pause, close };
  });
  rateLimitStoreContract(`RedisRateLimitStore on ${where}`, () => {
    const { rateLimitStore: store, close } = fresh();
    return { store, pass: pause, close };
  });
  connectionStoreContract(`RedisConnectionStore on ${where}`, () => {
    const { connectionStore: store, close } = fresh();
    return { store, close };
  });
  eventLogContract(`RedisEventLog on ${where}`, ({ maxEvents }) => {
    const { eventLog: log, close } = redisStores({
      ...patient(),
      prefix: `${randomUUID()}:`,
      maxEvents,
    });
    return { log, close };
  });
}
