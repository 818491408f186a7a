/**
 * Compares stream ids, and returns the epoch of the log. A new epoch begins if Redis has no log, or lacks entries that a node
 * knows. In that case Redis was emptied, or a replica without the last entries has taken over. New ids come after the current
 * time and the largest id that the node knows, so that no id is used twice.
 */
const STATE = `
local function parse(id)
  local time, number = string.match(id or '', '^(%d+)%-(%d+)$')
  return tonumber(time) or 0, tonumber(number) or 0
end
local function behind(a, b)
  local time, number = parse(a)
  local other, count = parse(b)
  return time < other or time == other and number < count
end
local function begin(key, known, last, candidate)
  local now = redis.call('TIME')
  local start = string.format('%.0f-0', now[1] * 1000 + math.floor(now[2] / 1000))
  if behind(start, known) then start = known end
  if last and behind(start, last) then start = last end
  redis.call('HSET', key, 'epoch', candidate, 'last', start, 'start', start)
  return candidate, start, start
end
local function state(key, known, candidate)
  local found = redis.call('HMGET', key, 'epoch', 'last', 'start')
  local epoch, last = found[1], found[2]
  if epoch and last and not behind(last, known) then return epoch, last, found[3] end
  return begin(key, known, last, candidate)
end
local function publish(channel, message)
  local sent = redis.pcall('SPUBLISH', channel, message)
  if type(sent) == 'table' and sent.err then redis.call('PUBLISH', channel, message) end
end
`;

/** The largest number of an id. Must equal `MAX_NUMBER` of the cursors. */
const MAX_NUMBER = 8_388_607;

/**
 * Appends an entry once. An ioredis client may send a command again if it has not received the reply. Each node therefore numbers
 * its entries, and Redis keeps the last number. The script drops old entries first, so that a full Redis has memory again. It
 * applies the limits of the channel and, for an addressed entry, the limits of all audiences together: if they have too many
 * entries, it drops the oldest one, and if they have too many characters, the oldest one of the audience with the most characters.
 *
 * KEYS: state, channels, index, last number of this node, stream, nodes, audiences by their characters · ARGV: number, highest
 * acknowledged number, known id, epoch to begin, ms to keep the number, channel, type, text, maximum entries and characters of the
 * channel, and of all addressed entries, node, suffix of the Redis channel
 * → epoch and id, or nothing if the entry may have been appended before.
 */
export const APPEND_LUA = `${STATE}
local channel, kind, text = ARGV[6], ARGV[7], ARGV[8]
local max_entries, max_size = tonumber(ARGV[9]), tonumber(ARGV[10])
local all_entries, all_size = tonumber(ARGV[11]), tonumber(ARGV[12])
local sent = tonumber(redis.call('GET', KEYS[4]) or ARGV[2])
if tonumber(ARGV[1]) <= sent then return false end
local epoch, last = state(KEYS[1], ARGV[3], ARGV[4])

local function drop(stream, name, id, size)
  redis.call('XDEL', stream, id)
  redis.call('HSET', KEYS[2], 'd' .. name, id)
  local rest = redis.call('HINCRBY', KEYS[2], 's' .. name, -size)
  if name ~= '' then
    redis.call('XDEL', KEYS[3], id)
    redis.call('ZADD', KEYS[7], rest, name)
    redis.call('HINCRBY', KEYS[1], 'size', -size)
    if behind(redis.call('HGET', KEYS[1], 'gone'), id) then redis.call('HSET', KEYS[1], 'gone', id) end
  end
  return rest
end
local function oldest(stream)
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then return first[1], first[2] end
end
local size = tonumber(redis.call('HGET', KEYS[2], 's' .. channel) or -1)
local count = redis.call('XLEN', KEYS[5])
while count > 0 and (count >= max_entries or size + #text > max_size) do
  local id, fields = oldest(KEYS[5])
  size = drop(KEYS[5], channel, id, #(fields[4] or ''))
  count = count - 1
end
if channel ~= '' then
  local sum = tonumber(redis.call('HGET', KEYS[1], 'size') or 0)
  local number = redis.call('XLEN', KEYS[3])
  local function largest()
    for _, name in ipairs(redis.call('ZRANGE', KEYS[7], 0, 7, 'REV')) do
      -- The last entry of an audience is dropped by its age: its clients then receive a gap.
      if redis.call('XLEN', KEYS[3] .. ':' .. name) > 1 then return name end
    end
  end
  while number > 0 and (number >= all_entries or sum + #text > all_size) do
    local id, fields, length
    local name = number < all_entries and largest()
    if name then
      id, fields = oldest(KEYS[3] .. ':' .. name)
      length = #(fields[4] or '')
    else
      id, fields = oldest(KEYS[3])
      name, length = fields[2], tonumber(fields[4])
    end
    local stream = KEYS[3] .. ':' .. name
    local rest = drop(stream, name, id, length)
    if name == channel then size = rest end
    if redis.call('XLEN', stream) == 0 then
      redis.call('HSET', KEYS[1], 'dropped', id)
      redis.call('DEL', stream)
      redis.call('HDEL', KEYS[2], 's' .. name, 'd' .. name)
      redis.call('ZREM', KEYS[7], name)
      if name == channel then size = -1 end
    end
    sum = sum - length
    number = number - 1
  end
  if size < 0 then
    local dropped = redis.call('HGET', KEYS[1], 'dropped')
    if dropped then redis.call('HSET', KEYS[2], 'd' .. channel, dropped) end
  end
end

local now = redis.call('TIME')
local time, number = parse(last)
local clock = now[1] * 1000 + math.floor(now[2] / 1000)
if clock > time then
  time, number = clock, 0
elseif number < ${MAX_NUMBER} then
  number = number + 1
else
  time, number = time + 1, 0
end
local id = string.format('%.0f-%.0f', time, number)
redis.call('XADD', KEYS[5], id, 'type', kind, 'text', text)
size = redis.call('HINCRBY', KEYS[2], 's' .. channel, #text)
redis.call('HSET', KEYS[1], 'last', id)
if channel ~= '' then
  redis.call('ZADD', KEYS[7], size, channel)
  redis.call('XADD', KEYS[3], id, 'channel', channel, 'size', #text)
  redis.call('HINCRBY', KEYS[1], 'size', #text)
end
redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[5])
local run = redis.call('HGET', KEYS[1], 'run')
if run then redis.call('HSET', KEYS[6], ARGV[13], run .. string.format(' %.0f', clock)) end
publish(KEYS[5] .. ARGV[14], epoch .. ' ' .. id .. ' ' .. kind .. '\\n' .. text)
return { epoch, id }
`;

/**
 * Reads the entries of channels after a place. A place of another epoch is a gap. The read then starts at that place, or at the
 * beginning of the epoch if that is earlier. A place before the last dropped entry of a channel is also a gap.
 *
 * KEYS: state, channels, the stream of each channel · ARGV: known id, epoch to begin, epoch and id of the place or an empty id,
 * maximum entries of each channel, characters after which a page ends, maximum entries of all channels together or 0, each channel
 * → epoch, last id, for each channel: gap?, last dropped id, more?, entries; the id up to which all channels together were read.
 *
 * With a maximum for all channels, the script takes the next entry of the channel that has the oldest one. It fetches a few entries
 * of each channel at a time.
 */
export const READ_LUA = `${STATE}
local epoch, last, start = state(KEYS[1], ARGV[1], ARGV[2])
local from, limit, most, total = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local is_gap = from ~= '' and (ARGV[3] ~= epoch or behind(last, from))
if is_gap and behind(start, from) then from = start end
local dropped_all = redis.call('HGET', KEYS[1], 'dropped') or ''
local count = total > 0 and math.ceil(total / (#KEYS - 2)) + 1 or limit + 1
local function fetch(key, after)
  return redis.call('XRANGE', key, after == '' and '-' or '(' .. after, '+', 'COUNT', count)
end
local function place(head)
  local entry = head.entries[head.at]
  head.time, head.number = nil, nil
  if entry then head.time, head.number = parse(entry[1]) end
end
local function fields(entry)
  return { entry[1], entry[2][2] or '', entry[2][4] or '' }
end
local reached, heads = '', {}
if total > 0 then
  for index = 3, #KEYS do
    local head = { key = KEYS[index], at = 1, page = {}, entries = fetch(KEYS[index], from) }
    place(head)
    heads[index] = head
  end
  local taken, size = 0, 0
  while taken < total and size <= most do
    local oldest
    for index = 3, #KEYS do
      local head = heads[index]
      if head.time and (not oldest or head.time < oldest.time
        or head.time == oldest.time and head.number < oldest.number) then oldest = head end
    end
    if not oldest then break end
    local entry = fields(oldest.entries[oldest.at])
    oldest.page[#oldest.page + 1] = entry
    taken, size, reached = taken + 1, size + #entry[3], entry[1]
    oldest.at = oldest.at + 1
    if oldest.at > #oldest.entries and #oldest.entries == count then
      oldest.entries, oldest.at = fetch(oldest.key, reached), 1
    end
    place(oldest)
  end
end
local parts = {}
for index = 3, #KEYS do
  local channel = ARGV[index + 5]
  local found = redis.call('HMGET', KEYS[2], 's' .. channel, 'd' .. channel)
  local dropped = found[2] or ''
  if not found[1] and channel ~= '' then dropped = dropped_all end
  local page, size, more = {}, 0, 0
  local head = heads[index]
  if head then
    page, more = head.page, head.time and 1 or 0
  else
    for _, entry in ipairs(fetch(KEYS[index], from)) do
      if #page == limit or size > most then
        more = 1
        break
      end
      page[#page + 1] = fields(entry)
      size = size + #page[#page][3]
    end
  end
  local gap = from ~= '' and (is_gap or behind(from, dropped))
  parts[#parts + 1] = { gap and 1 or 0, dropped, more, page }
end
return { epoch, last, parts, reached }
`;

/** The time in which nodes must report to a restarted or new server, in milliseconds. */
const GRACE = 2_000;
/** The time after which a silent node counts as ended if the server has not changed, in milliseconds. */
const FORGOTTEN = 10_000;

/**
 * Checks the nodes after the server process has changed. A restarted server, or a replica that has taken over, may lack the
 * newest entries. The nodes detect the loss by the ids that they know. A node that does not report may have ended together with
 * the former server. Only that node may have known the lost entries, so a new epoch begins. Requires the right to call INFO.
 */
const SERVER = `
local function on_this_server(key, nodes, node, epoch, last, candidate)
  local text = redis.pcall('INFO', 'server')
  local run = type(text) == 'string' and string.match(text, 'run_id:(%w+)')
  if not run then return epoch, last end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local found = redis.call('HMGET', key, 'run', 'doubt')
  local known, doubt = found[1], tonumber(found[2] or '')
  if known ~= run then
    redis.call('HSET', key, 'run', run)
    if known then
      doubt = now + ${GRACE}
      redis.call('HSET', key, 'doubt', string.format('%.0f', doubt))
    end
  end
  redis.call('HSET', nodes, node, run .. string.format(' %.0f', now))
  local missing = 0
  local all = redis.call('HGETALL', nodes)
  for at = 1, #all, 2 do
    local seen, since = string.match(all[at + 1], '^(%w+) (%d+)$')
    local is_missing = seen ~= run
    if is_missing then missing = missing + 1 end
    if is_missing and not (doubt and now < doubt) or not is_missing and now - since > ${FORGOTTEN} then
      redis.call('HDEL', nodes, all[at])
    end
  end
  if not doubt or missing > 0 and now < doubt then return epoch, last end
  redis.call('HDEL', key, 'doubt')
  if missing == 0 or epoch == candidate then return epoch, last end
  local at = parse(last)
  last = string.format('%.0f-%.0f', math.max(at + 1, now), 0)
  redis.call('HSET', key, 'epoch', candidate, 'last', last, 'start', last)
  return candidate, last
end
`;

/**
 * Whether the log has the entry with an id, or may have dropped it for newer ones. If neither holds, Redis has lost the entry,
 * and another node has published later ones since.
 */
const HAS = `
local function has(id, start)
  return not behind(start, id) or not behind(redis.call('HGET', KEYS[6], 'd'), id)
    or not behind(redis.call('HGET', KEYS[1], 'gone'), id)
    or #redis.call('XRANGE', KEYS[3], id, id) > 0 or #redis.call('XRANGE', KEYS[5], id, id) > 0
end
`;

/**
 * Publishes the end of the log, unless another node has just done so. The message shows every node that its connection works,
 * and that it has received all entries.
 *
 * KEYS: state, tick, public stream, nodes, index, channels · ARGV: known id, epoch to begin, ms until the next tick, node,
 * suffix of the Redis channel → epoch, last id.
 */
export const TICK_LUA = `${STATE}${SERVER}${HAS}
local epoch, last, start = state(KEYS[1], ARGV[1], ARGV[2])
if not has(ARGV[1], start) then epoch, last = begin(KEYS[1], ARGV[1], last, ARGV[2]) end
epoch, last = on_this_server(KEYS[1], KEYS[4], ARGV[4], epoch, last, ARGV[2])
if redis.call('SET', KEYS[2], 1, 'NX', 'PX', ARGV[3]) then
  publish(KEYS[3] .. ARGV[5], epoch .. ' ' .. last .. ' ')
end
return { epoch, last }
`;

/**
 * Stores the id since which a user has the right to a pattern, unless one is stored.
 *
 * KEYS: state, grants of the user · ARGV: known id, epoch to begin, pattern, first id of the right or an empty text, ms to keep
 * it, maximum patterns → the stored id.
 */
export const GRANT_LUA = `${STATE}
local _, last = state(KEYS[1], ARGV[1], ARGV[2])
local since = redis.call('HGET', KEYS[2], ARGV[3])
if not since then
  since = ARGV[4] == '' and last or ARGV[4]
  if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[6]) then redis.call('DEL', KEYS[2]) end
  redis.call('HSET', KEYS[2], ARGV[3], since)
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return since
`;

/** Removes rights of a user. KEYS: grants of the user · ARGV: a pattern, or nothing for all patterns. */
export const WITHDRAW_LUA = `
if ARGV[1] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return redis.call('DEL', KEYS[1])
`;

/** Removes a node that shuts down, so that it does not count as missing. KEYS: nodes · ARGV: node. */
export const UNREGISTER_LUA = "return redis.call('HDEL', KEYS[1], ARGV[1])";
