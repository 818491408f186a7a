import { SERVER_TIME } from './server-time.lua.js';

/**
 * Defines the keys and leases of the counts. Each node has a hash of its own counts, which expires with its lease. The counts of
 * a crashed node therefore expire without cleaning up. `nodes` lists the nodes with a lease, ordered by its expiry. The names of
 * the hashes start with the name of the list, so that they are in the same hash slot.
 */
const NODES = `${SERVER_TIME}
local nodes, node = KEYS[1], ARGV[1]
local function hash_of(name) return nodes .. ':' .. name end
local own = hash_of(node)

-- The total cannot collide with the field of a claim, because those start with a colon.
local TOTAL = 'total'

local function renew(lease, now)
  redis.call('ZADD', nodes, string.format('%.0f', now + lease), node)
  redis.call('PEXPIRE', nodes, lease)
  redis.call('PEXPIRE', own, lease)
end

local function has_lapsed(now)
  local until_time = redis.call('ZSCORE', nodes, node)
  return not until_time or tonumber(until_time) <= now
end
`;

/**
 * Counts a connection, unless a claim has reached its limit.
 *
 * KEYS: nodes · ARGV: node, lease, (claim, limit)…
 * → 0, the position of the claim at its limit, or -1 if the lease has lapsed.
 */
export const ACQUIRE_LUA = `${NODES}
local now = server_time()
if has_lapsed(now) then return -1 end
redis.call('ZREMRANGEBYSCORE', nodes, '-inf', now)

local fields, sums = {}, {}
for index = 3, #ARGV, 2 do
  table.insert(fields, ':' .. ARGV[index])
  table.insert(sums, 0)
end
for _, name in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
  for index, held in ipairs(redis.call('HMGET', hash_of(name), unpack(fields))) do
    sums[index] = sums[index] + tonumber(held or 0)
  end
end
for index, sum in ipairs(sums) do
  if sum >= tonumber(ARGV[2 + 2 * index]) then return index end
end

for _, field in ipairs(fields) do redis.call('HINCRBY', own, field, 1) end
redis.call('HINCRBY', own, TOTAL, #fields)
renew(tonumber(ARGV[2]), now)
return 0
`;

/** Releases claims. KEYS: nodes · ARGV: node, claim… → 0, or -1 if a count is unknown. */
export const RELEASE_LUA = `${NODES}
local answer = 0
for index = 2, #ARGV do
  local field = ':' .. ARGV[index]
  local held = tonumber(redis.call('HGET', own, field) or 0)
  if held < 1 then
    answer = -1
  else
    if held == 1 then redis.call('HDEL', own, field) else redis.call('HINCRBY', own, field, -1) end
    if redis.call('HINCRBY', own, TOTAL, -1) < 1 then redis.call('DEL', own) end
  end
end
return answer
`;

/** Replaces the stored counts of a node. KEYS: nodes · ARGV: node, lease, (claim, count)…. */
export const PUBLISH_LUA = `${NODES}
redis.call('DEL', own)
local total = 0
for index = 3, #ARGV, 2 do
  redis.call('HSET', own, ':' .. ARGV[index], ARGV[index + 1])
  total = total + tonumber(ARGV[index + 1])
end
if total > 0 then redis.call('HSET', own, TOTAL, total) end
renew(tonumber(ARGV[2]), server_time())
return 0
`;

/**
 * Renews a lease.
 *
 * KEYS: nodes · ARGV: node, lease, the node's total or -1 while it is changing
 * → 0, or -1 if the counts must be published again.
 */
export const RENEW_LUA = `${NODES}
local now = server_time()
if has_lapsed(now) then return -1 end
local total = tonumber(ARGV[3])
if total >= 0 and total ~= tonumber(redis.call('HGET', own, TOTAL) or 0) then return -1 end
renew(tonumber(ARGV[2]), now)
return 0
`;

/** Removes a node and its counts. KEYS: nodes · ARGV: node. */
export const LEAVE_LUA = `${NODES}
redis.call('DEL', own)
return redis.call('ZREM', nodes, node)
`;

/** Counts connections on all nodes. KEYS: nodes · ARGV: node, claim → the number of connections. */
export const COUNT_LUA = `${NODES}
local sum = 0
for _, name in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
  sum = sum + tonumber(redis.call('HGET', hash_of(name), ':' .. ARGV[2]) or 0)
end
return sum
`;
