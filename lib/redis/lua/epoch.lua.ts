/** Has those who wait for the settling of a memory wait so much longer, if they still do. */
const HOLD = `
local function hold(settling, ms)
  local rest = redis.call('PTTL', settling)
  if rest > 0 and rest < tonumber(ms) then redis.call('PEXPIRE', settling, ms) end
end
`;

/**
 * Names the memory that Redis has now. A server that was restarted or took over from another may have lost what
 * was written last, even where older keys are there: its run id tells. A new memory has to settle, whoever finds
 * it: also who has just started and knows of no other, since others may.
 *
 * KEYS: epoch, settling · ARGV: the epoch known so far or an empty text, ms to settle, ms to hold
 * → the epoch, its age in ms, in how many ms it will have settled, and the policy by which Redis may evict keys,
 *   or an empty text.
 */
export const ENROL_LUA = `${HOLD}
local function info(section, pattern)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and string.match(text, pattern) or nil
end
local run_id = info('server', 'run_id:(%w+)') or 'unknown'
local eviction = ''
if info('memory', 'maxmemory:(%d+)') ~= '0' then
  eviction = info('memory', 'maxmemory_policy:([%w-]+)') or ''
end
local time = redis.call('TIME')
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.match(epoch, '^%w+') ~= run_id then
  epoch = run_id .. '.' .. time[1] .. '.' .. time[2]
  redis.call('SET', KEYS[1], epoch)
  redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
elseif ARGV[1] ~= '' and ARGV[1] ~= epoch then
  hold(KEYS[2], ARGV[3])
end
local seconds, microseconds = string.match(epoch, '%.(%d+)%.(%d+)$')
local age = (time[1] - seconds) * 1000 + (time[2] - microseconds) / 1000
return { epoch, math.max(0, math.floor(age)), math.max(0, redis.call('PTTL', KEYS[2])), eviction }
`;

/**
 * Brings nonces back, which takes as long as it takes: while the memory settles, the others are held back that
 * long.
 *
 * KEYS: settling, nonces · ARGV: ms to hold, the ttl of each nonce.
 */
export const REMEMBER_LUA = `${HOLD}
hold(KEYS[1], ARGV[1])
for index = 2, #KEYS do
  redis.call('SET', KEYS[index], 1, 'NX', 'PX', ARGV[index])
end
return #KEYS - 1
`;
