/**
 * Names the memory that Redis has now. A server that was restarted or took over from another may have lost what
 * was written last, even where older keys are there: its run id tells.
 *
 * KEYS: epoch → the epoch.
 */
export const ENROL_LUA = `
local info = redis.pcall('INFO', 'server')
local run_id = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
local epoch = redis.call('GET', KEYS[1])
if epoch and string.match(epoch, '^%w+') == run_id then return epoch end
local time = redis.call('TIME')
epoch = run_id .. '.' .. time[1] .. '.' .. time[2]
redis.call('SET', KEYS[1], epoch)
return epoch
`;

/** Holds all nonces back until every node has had the time to bring back its own. KEYS: settling · ARGV: ms. */
export const SETTLE_LUA = `
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
return 1
`;

/** Brings nonces back. KEYS: nonces · ARGV: the ttl of each. */
export const REMEMBER_LUA = `
for index, nonce in ipairs(KEYS) do
  redis.call('SET', nonce, 1, 'NX', 'PX', ARGV[index])
end
return #KEYS
`;
