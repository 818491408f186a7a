/**
 * Returns the clock offsets of the other nodes, and stores the offset of this node. Removes entries that are too old. Also
 * removes entries that are ahead of Redis: the clock of Redis was set back after their measurement.
 *
 * KEYS: clocks · ARGV: node, time and offset of its measurement or an empty text, maximum age of entries in ms
 * → time of Redis, time and offset of each other node.
 */
export const NODE_CLOCKS_LUA = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HGETALL', KEYS[1])
local others = {}
for index = 1, #known, 2 do
  local at = tonumber(string.match(known[index + 1], '^(%d+) ') or 0)
  if at > now or now - at > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], known[index])
  elseif known[index] ~= ARGV[1] then
    others[#others + 1] = known[index + 1]
  end
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], 10000)
end
return { string.format('%.0f', now), others }
`;
