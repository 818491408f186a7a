import { TAKE_THEN } from './token-bucket.lua.js';

/**
 * Uses a nonce up. The epoch names one unbroken memory: where it is not the one the caller knows, Redis has
 * forgotten nonces, and the caller must bring back those it remembers before any more are used.
 */
const USE_NONCE = `
local function use_nonce(nonce, epoch_key, settling_key, ttl, known_epoch)
  local state = redis.call('MGET', epoch_key, settling_key)
  if state[1] ~= known_epoch then return 'lost' end
  if state[2] then return 'settling' end
  if redis.call('SET', nonce, 1, 'NX', 'PX', ttl) then return 'new' end
  return 'known'
end
`;

/** KEYS: nonce, epoch, settling · ARGV: ttl, epoch → new, known, settling or lost. */
export const USE_NONCE_LUA = `${USE_NONCE}
return use_nonce(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2])
`;

/**
 * Rate limit, then nonce, as one step: only what the limit lets pass uses its nonce up, and what is a replay
 * has paid for it.
 *
 * KEYS: bucket, nonce, epoch, settling · ARGV: interval, fill time, cost, ttl, epoch
 * → as of a take, then new, known, settling, lost or skipped.
 */
export const ADMIT_LUA = `${TAKE_THEN}${USE_NONCE}
local decision = take(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
decision[5] = 'skipped'
if decision[1] == 1 then
  decision[5] = use_nonce(KEYS[2], KEYS[3], KEYS[4], ARGV[4], ARGV[5])
end
return decision
`;
