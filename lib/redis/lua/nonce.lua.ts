import { TOKEN_BUCKET } from './token-bucket.lua.js';

/**
 * Uses a nonce up. The epoch names one unbroken memory: where it is not the one the caller knows, Redis has
 * forgotten nonces, and the caller must bring back those it remembers before any more are used. What is older
 * than that memory can be told to be known, but not to be new.
 */
const USE_NONCE = `
local function use_nonce(nonce, epoch_key, settling_key, ttl, known_epoch, is_older)
  local state = redis.call('MGET', epoch_key, settling_key)
  if state[1] ~= known_epoch then return 'lost' end
  if state[2] then return 'settling' end
  if is_older == '1' then return redis.call('EXISTS', nonce) == 1 and 'known' or 'older' end
  if redis.call('SET', nonce, 1, 'NX', 'PX', ttl) then return 'new' end
  return 'known'
end
`;

/** KEYS: nonce, epoch, settling · ARGV: ttl, epoch, 1 if older or 0 → new, known, older, settling or lost. */
export const USE_NONCE_LUA = `${USE_NONCE}
return use_nonce(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3])
`;

/**
 * Rate limit, then nonce, as one step: only what the limit lets pass uses its nonce up, and what is a replay
 * has paid for it.
 *
 * KEYS: bucket, nonce, epoch, settling · ARGV: interval, fill time, cost, ttl, epoch, 1 if older or 0
 * → as of a take, then new, known, older, settling, lost or skipped.
 */
export const ADMIT_LUA = `${TOKEN_BUCKET}${USE_NONCE}
local decision = take(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
decision[5] = 'skipped'
if decision[1] == 1 then
  decision[5] = use_nonce(KEYS[2], KEYS[3], KEYS[4], ARGV[4], ARGV[5], ARGV[6])
end
return decision
`;
