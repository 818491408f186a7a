/** Writes a vouch to this server only. A replica that takes over must not have it. */
const VOUCH = `
local function vouch(key, token, ttl)
  redis.set_repl(redis.REPL_NONE)
  if redis.call('GET', key) == token then
    redis.call('PEXPIRE', key, ttl)
  else
    redis.call('SET', key, token, 'PX', ttl)
  end
  redis.set_repl(redis.REPL_ALL)
end
local function time()
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end
local function number_of(token) return tonumber(string.match(token or '', '^%d+') or 0) end
local function raise(key, field, value)
  if tonumber(redis.call('HGET', key, field) or 0) < tonumber(value) then redis.call('HSET', key, field, value) end
end
`;

/**
 * Renews the vouch of a memory.
 *
 * KEYS: vouch, memory · ARGV: known token, ttl of the vouch or 0 to leave it unchanged
 * → the time of Redis, and the fields of the memory if the known token is vouched for.
 */
export const VOUCH_LUA = `${VOUCH}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { time(), false } end
if ARGV[2] ~= '0' then vouch(KEYS[1], ARGV[1], ARGV[2]) end
return { time(), redis.call('HGETALL', KEYS[2]) }
`;

/**
 * Decides whether the memory is complete, and begins a new one if this is uncertain. A memory is complete if it is vouched for,
 * or if the caller knows it and the server process is the same. A token starts with a number that only grows, so that a node
 * detects an old memory that was restored.
 *
 * KEYS: vouch, memory · ARGV: known token or an empty text, 1 if the clock of Redis has jumped, random text, watermark of a
 * new memory, ttl of the vouch, (scope, its watermark in a new memory)…
 * → fields of the memory, and the maxmemory-policy or an empty text.
 */
export const CHECK_LUA = `${VOUCH}
local function info(section, pattern)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and string.match(text, pattern) or ''
end
local vouch_key, memory = KEYS[1], KEYS[2]
local known, has_jumped = ARGV[1], ARGV[2] == '1'
local run = info('server', 'run_id:(%w+)')
local eviction = ''
if info('memory', 'maxmemory:(%d+)') ~= '0' then eviction = info('memory', 'maxmemory_policy:([%w-]+)') end

local state = redis.call('HMGET', memory, 'token', 'run')
local token, begun_on = state[1] or '', state[2] or ''
local can_be_same = run == '' or begun_on == '' or run == begun_on
local is_vouched = token ~= '' and can_be_same and redis.call('GET', vouch_key) == token
local is_whole
if known == '' then
  is_whole = is_vouched
elseif token == known then
  is_whole = not has_jumped and (is_vouched or run ~= '' and run == begun_on)
else
  is_whole = is_vouched and number_of(token) > number_of(known)
end

if not is_whole then
  token = string.format('%.0f.%s', math.max(number_of(token), number_of(known)) + 1, ARGV[3])
  redis.call('HSET', memory, 'token', token, 'run', run)
  raise(memory, 'watermark', ARGV[4])
  for index = 6, #ARGV, 2 do raise(memory, 'w:' .. ARGV[index], ARGV[index + 1]) end
end
vouch(vouch_key, token, ARGV[5])
return { redis.call('HGETALL', memory), eviction }
`;
