/**
 * Names the memory that Redis has now. A server that was restarted or took over from another may have lost what
 * was written last, even where older keys are there: its run id tells.
 *
 * KEYS: epoch → the epoch, and the policy by which Redis may evict keys, or an empty text.
 */
export const ENROL_LUA = `
local function info(section, pattern)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and string.match(text, pattern) or nil
end
local run_id = info('server', 'run_id:(%w+)') or 'unknown'
local eviction = ''
if info('memory', 'maxmemory:(%d+)') ~= '0' then
  eviction = info('memory', 'maxmemory_policy:([%w-]+)') or ''
end
local epoch = redis.call('GET', KEYS[1])
if epoch and string.match(epoch, '^%w+') == run_id then return { epoch, eviction } end
local time = redis.call('TIME')
epoch = run_id .. '.' .. time[1] .. '.' .. time[2]
redis.call('SET', KEYS[1], epoch)
return { epoch, eviction }
`;

/**
 * Brings nonces back, which takes as long as it takes: the others are held back that long.
 *
 * KEYS: settling, nonces · ARGV: ms to settle after this, the ttl of each nonce.
 */
export const REMEMBER_LUA = `
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
for index = 2, #KEYS do
  redis.call('SET', KEYS[index], 1, 'NX', 'PX', ARGV[index])
end
return #KEYS - 1
`;
