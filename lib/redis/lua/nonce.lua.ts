/**
 * Uses nonces, if the memory has the token of the caller and is vouched for. A vouch that lasts longer than it may is older than
 * a backward jump of the clock of Redis. It does not count: if the clock jumps forward again, it would outlive the nonces.
 * The value of a nonce is the name of the attempt that used it, so that an attempt can be repeated after a lost reply. Stores
 * future event times: a new memory rejects these events.
 *
 * KEYS: vouch, memory, nonce… · ARGV: token, ttl of the vouch, (ttl, attempt) of each nonce, (scope, future event time)…
 * → a 1 for each nonce that is new, and a 0 for each known one; or lost.
 */
export const USE_NONCES_LUA = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then return 'lost' end
for index = 2 * #KEYS - 1, #ARGV, 2 do
  local field, time = 'a:' .. ARGV[index], ARGV[index + 1]
  if tonumber(redis.call('HGET', KEYS[2], field) or 0) < tonumber(time) then redis.call('HSET', KEYS[2], field, time) end
end
local answers = {}
for index = 3, #KEYS do
  local key, ttl, attempt = KEYS[index], ARGV[2 * index - 3], ARGV[2 * index - 2]
  local is_new = redis.call('SET', key, attempt, 'NX', 'PX', ttl) or redis.call('GET', key) == attempt
  answers[#answers + 1] = is_new and '1' or '0'
end
return table.concat(answers)
`;

/** Releases a nonce, if this attempt has used it. KEYS: nonce · ARGV: attempt. */
export const RELEASE_NONCE_LUA = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
