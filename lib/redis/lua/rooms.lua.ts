/**
 * Removes the connections of nodes whose lease has ended. Each node has a hash of its connections and their users. Another hash
 * contains the number of connections of each user. All keys of a room expire if no node renews its lease.
 *
 * Every script has KEYS: users, nodes. The key of each node's hash starts with the key of `nodes`.
 */
const ROOM = `
local users, nodes = KEYS[1], KEYS[2]
local was, touched = {}, {}
local function touch(user)
  if was[user] == nil then
    was[user] = redis.call('HEXISTS', users, user) == 1
    touched[#touched + 1] = user
  end
end
local function add(user, change)
  if user == '' then return end
  touch(user)
  if redis.call('HINCRBY', users, user, change) <= 0 then redis.call('HDEL', users, user) end
end
local function empty(node)
  local key = nodes .. ':' .. node
  for _, user in ipairs(redis.call('HVALS', key)) do add(user, -1) end
  redis.call('DEL', key)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function purge(self)
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', nodes, '-inf', now)) do
    if node ~= self then
      empty(node)
      redis.call('ZREM', nodes, node)
    end
  end
end
local function changes()
  local joined, left = {}, {}
  for _, user in ipairs(touched) do
    local is = redis.call('HEXISTS', users, user) == 1
    if is and not was[user] then joined[#joined + 1] = user end
    if was[user] and not is then left[#left + 1] = user end
  end
  return joined, left
end
`;

/**
 * Changes the connections of a node in a room, and renews its lease. If Redis does not have the expected number of connections,
 * it changes nothing, and the node sends all of them.
 *
 * ARGV: node, lease in ms, expected number of this node's connections or -1 to replace them, number to remove, connections to
 * remove, pairs of connection and user to add → 1 if they were changed, joined users, left users.
 */
export const CHANGE_ROOM_LUA = `${ROOM}
local node, lease, expected, removed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local own = nodes .. ':' .. node
purge(node)
if expected >= 0 and redis.call('HLEN', own) ~= expected then
  local joined, left = changes()
  return { 0, joined, left }
end
if expected < 0 then empty(node) end
for at = 5, 4 + removed do
  local user = redis.call('HGET', own, ARGV[at])
  if user then
    redis.call('HDEL', own, ARGV[at])
    add(user, -1)
  end
end
for at = 5 + removed, #ARGV, 2 do
  if redis.call('HSET', own, ARGV[at], ARGV[at + 1]) == 1 then add(ARGV[at + 1], 1) end
end
if redis.call('HLEN', own) == 0 then
  redis.call('ZREM', nodes, node)
else
  redis.call('ZADD', nodes, now + lease, node)
end
for _, key in ipairs({ users, nodes, own }) do redis.call('PEXPIRE', key, 4 * lease) end
local joined, left = changes()
return { 1, joined, left }
`;

/** Reads the members of a room. ARGV: maximum users → users, connections, left users, pairs of user and connections. */
export const READ_ROOM_LUA = `${ROOM}
purge('')
local connections = 0
for _, node in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
  connections = connections + redis.call('HLEN', nodes .. ':' .. node)
end
local limit, members, cursor = tonumber(ARGV[1]), {}, '0'
while limit > 0 do
  local found = redis.call('HSCAN', users, cursor, 'COUNT', 100)
  for at = 1, #found[2], 2 do
    if #members < 2 * limit then
      members[#members + 1] = found[2][at]
      members[#members + 1] = found[2][at + 1]
    end
  end
  cursor = found[1]
  if cursor == '0' or #members >= 2 * limit then break end
end
local _, left = changes()
return { redis.call('HLEN', users), connections, left, members }
`;
