import type { Redis } from 'ioredis';
import { SystemClock } from '../../lib/clock.js';
import { SERVER_TIME } from '../../lib/redis/lua/server-time.lua.js';
import type { Script } from '../../lib/redis/script.js';
import type { ScriptBatch } from '../../lib/redis/script-batch.js';

const TIME = "redis.call('TIME')";

/** A clock that differs from the clock of the machine. */
export class OffClock extends SystemClock {
  constructor(private readonly offset: number) {
    super();
  }

  override now(): number {
    return super.now() + this.offset;
  }
}

/** Returns a script for which the time of the server is fixed. */
export function scriptAt(now: number, lua: string): string {
  return lua.replace(SERVER_TIME, `local function server_time() return ${now} end\n`);
}

/** Runs scripts on a real Redis as if its clock differed from the clock of the machine. */
export function batchWithOffset(redis: Redis, offset: () => number): ScriptBatch {
  const run = async (
    { lua }: Script,
    keys: string[],
    given: (string | number)[] | (() => (string | number)[]),
  ) => {
    // Further requests may join the call.
    await Promise.resolve();
    const args = typeof given === 'function' ? given() : given;
    const micros = (Date.now() + offset()) * 1_000;
    const time = `{ ${Math.floor(micros / 1e6)}, ${micros % 1e6} }`;
    const shifted = lua.replace(TIME, time);
    if (shifted.includes("'TIME'")) throw new Error('a script calls TIME in another way');
    return redis.eval(shifted, keys.length, ...keys, ...args);
  };
  return { run } as unknown as ScriptBatch;
}
