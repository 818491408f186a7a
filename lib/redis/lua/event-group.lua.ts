/**
 * Claims entries for a member of a consumer group: first entries whose lease has ended, then new ones. A new group begins after
 * the given id. After Redis has lost the group, it begins there again. Entries that the log drops before a member claims them
 * count as lost. XAUTOCLAIM does not return how often an entry was claimed, so the script uses XPENDING and XCLAIM.
 *
 * KEYS: stream, channels · ARGV: group, member, id before the first entry, maximum entries, lease in ms, 1 to claim overdue ones
 * → lost, entries: id, type, text, deliveries.
 */
export const TAKE_LUA = `
local stream, group, member = KEYS[1], ARGV[1], ARGV[2]
local limit, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local taken, lost = {}, 0

local function parse(id)
  local time, number = string.match(id or '', '^(%d+)%-(%d+)$')
  return tonumber(time) or 0, tonumber(number) or 0
end
local function behind(a, b)
  local time, number = parse(a)
  local other, count = parse(b)
  return time < other or time == other and number < count
end
local function field(list, name)
  for at = 1, #list, 2 do
    if list[at] == name then return list[at + 1] end
  end
end
local function last_delivered()
  if redis.call('EXISTS', stream) == 0 then return nil end
  for _, found in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    if field(found, 'name') == group then return field(found, 'last-delivered-id') end
  end
end

local last = last_delivered()
if not last then
  redis.call('XGROUP', 'CREATE', stream, group, ARGV[3], 'MKSTREAM')
  last = ARGV[3]
end
local dropped = redis.call('HGET', KEYS[2], 'd')
if dropped and behind(last, dropped) then
  lost = lost + 1
  redis.call('XGROUP', 'SETID', stream, group, dropped)
end

if ARGV[6] == '1' then
  for _, pending in ipairs(redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', limit)) do
    local entry = redis.call('XCLAIM', stream, group, member, lease, pending[1])[1]
    if entry then
      taken[#taken + 1] = { entry[1], entry[2][2] or '', entry[2][4] or '', pending[4] + 1 }
    else
      redis.call('XACK', stream, group, pending[1])
      lost = lost + 1
    end
  end
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local name = field(consumer, 'name')
    if name ~= member and field(consumer, 'pending') == 0 and field(consumer, 'idle') > 20 * lease then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
    end
  end
end
if #taken < limit then
  local found = redis.call('XREADGROUP', 'GROUP', group, member, 'COUNT', limit - #taken, 'STREAMS', stream, '>')
  for _, entry in ipairs(found and found[1] and found[1][2] or {}) do
    taken[#taken + 1] = { entry[1], entry[2][2] or '', entry[2][4] or '', 1 }
  end
end
return { lost, taken }
`;

/** Acknowledges entries, if the group still exists. KEYS: stream · ARGV: group, ids → the number of acknowledged entries. */
export const DONE_LUA = `
local done = 0
for at = 2, #ARGV do
  local reply = redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[at])
  if type(reply) == 'number' then done = done + reply end
end
return done
`;

/**
 * Renews the lease of entries that this member still owns.
 *
 * KEYS: stream · ARGV: group, member, ids.
 */
export const KEEP_LUA = `
for at = 3, #ARGV do
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[at], ARGV[at], 1, ARGV[2])
  if #pending == 1 then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'JUSTID') end
end
`;

/**
 * Releases entries of a member, so that others can claim them at once. Removes a member without entries.
 *
 * KEYS: stream · ARGV: group, member, lease in ms, ids.
 */
export const QUIT_LUA = `
local group, member = ARGV[1], ARGV[2]
for at = 4, #ARGV do
  local pending = redis.pcall('XPENDING', KEYS[1], group, ARGV[at], ARGV[at], 1, member)
  if #pending == 1 then
    redis.call('XCLAIM', KEYS[1], group, member, 0, ARGV[at], 'IDLE', ARGV[3], 'JUSTID')
  end
end
local left = redis.pcall('XPENDING', KEYS[1], group, '-', '+', 1, member)
if not left.err and #left == 0 then redis.pcall('XGROUP', 'DELCONSUMER', KEYS[1], group, member) end
`;
