/**
 * Uses a nonce, if the memory has the token of the caller and is vouched for. A vouch that lasts longer than it may is older than
 * a backward jump of the clock of Redis. It does not count: if the clock jumps forward again, it would outlive the nonce.
 * The value of a nonce is the name of the attempt that used it, so that an attempt can be repeated after a lost reply. Stores
 * future event times: a new memory rejects them.
 *
 * KEYS: nonce, vouch, memory · ARGV: ttl, token, attempt, scope, future event time or an empty text, ttl of the vouch
 * → new, known or lost.
 */
export const USE_NONCE_LUA = `
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 'lost' end
if redis.call('PTTL', KEYS[2]) > tonumber(ARGV[6]) then return 'lost' end
if ARGV[5] ~= '' and tonumber(redis.call('HGET', KEYS[3], 'a:' .. ARGV[4]) or 0) < tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[3], 'a:' .. ARGV[4], ARGV[5])
end
if redis.call('SET', KEYS[1], ARGV[3], 'NX', 'PX', ARGV[1]) then return 'new' end
return redis.call('GET', KEYS[1]) == ARGV[3] and 'new' or 'known'
`;

/** Releases a nonce, if this attempt has used it. KEYS: nonce · ARGV: attempt. */
export const RELEASE_NONCE_LUA = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
