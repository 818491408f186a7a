/**
 * The value of a nonce: the name of the attempt that used it, if any. After an exclamation mark it has the names of released
 * attempts, which cannot use it any more. Names have no exclamation marks and spaces.
 */
const VALUE = `
local function parse(value) return string.match(value or '', '^([^!]*)!?(.*)$') end
local function format(owner, ended) return ended == '' and owner or owner .. '!' .. ended end
local function has(names, name) return string.find(' ' .. names .. ' ', ' ' .. name .. ' ', 1, true) ~= nil end
`;

/**
 * Uses nonces, if the memory has the token of the caller and is vouched for. A vouch that lasts longer than it may is older than
 * a backward jump of the clock of Redis. It does not count: if the clock jumps forward again, it would outlive the nonces.
 * An attempt can be repeated after a lost reply, because its nonce has its name. Stores future event times: a new memory rejects
 * these events.
 *
 * KEYS: vouch, memory, nonce… · ARGV: token, ttl of the vouch, (ttl, name of the attempt and the names it replaces) of each
 * nonce, (scope, future event time)…
 * → a 1 for each nonce that is new, and a 0 for each known one; or lost.
 */
export const USE_NONCES_LUA = `${VALUE}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then return 'lost' end
for index = 2 * #KEYS - 1, #ARGV, 2 do
  local field, time = 'a:' .. ARGV[index], ARGV[index + 1]
  if tonumber(redis.call('HGET', KEYS[2], field) or 0) < tonumber(time) then redis.call('HSET', KEYS[2], field, time) end
end
local answers = {}
for index = 3, #KEYS do
  local key, ttl, names = KEYS[index], ARGV[2 * index - 3], ARGV[2 * index - 2]
  local name = string.match(names, '^%S+')
  local is_new = redis.call('SET', key, name, 'NX', 'PX', ttl)
  if not is_new then
    local owner, ended = parse(redis.call('GET', key))
    if owner == '' then is_new = not has(ended, name) else is_new = has(names, owner) end
    if is_new and owner ~= name then redis.call('SET', key, format(name, ended), 'PX', ttl) end
  end
  answers[#answers + 1] = is_new and '1' or '0'
end
return table.concat(answers)
`;

/**
 * Releases a nonce, unless another attempt has used it. A call that uses it may still arrive: from a connection that was
 * replaced, or because ioredis sends it again. The nonce then keeps the names of the attempt, so that the call has no effect.
 *
 * KEYS: nonce · ARGV: names of the attempt, ms to keep them, 1 if a call can still arrive.
 */
export const RELEASE_NONCE_LUA = `${VALUE}
local names, ttl = ARGV[1], ARGV[2]
local owner, ended = parse(redis.call('GET', KEYS[1]))
if has(names, owner) then owner = '' end
if ARGV[3] == '1' then
  for name in string.gmatch(names, '%S+') do
    if not has(ended, name) then ended = ended == '' and name or ended .. ' ' .. name end
  end
end
if owner ~= '' then
  if ended ~= '' then redis.call('SET', KEYS[1], format(owner, ended), 'KEEPTTL') end
  return 0
end
-- A full Redis can only delete.
if ended ~= '' and not redis.pcall('SET', KEYS[1], format('', ended), 'PX', ttl).err then return 1 end
return redis.call('DEL', KEYS[1])
`;
