/**
 * Adds an event, once: a client of ioredis may send a command again whose answer it has not seen. What a node sends is
 * numbered, and Redis keeps the last number. Where that is lower than one it has acknowledged, or is gone and so is the
 * entry, but not those before it, Redis has lost what came after, as in a failover: a log with a hole that nobody can see
 * is given up, so that everybody is told of a gap.
 *
 * KEYS: log, last number of this node · ARGV: number, highest number acknowledged, its id or an empty text, entries kept,
 * ms to keep the number, type, text → the id, or nothing when it may have been added before.
 */
export const APPEND_LUA = `
local known = redis.call('GET', KEYS[2])
local last = tonumber(known or ARGV[2])
local near = not known and ARGV[3] ~= '' and redis.call('XREVRANGE', KEYS[1], ARGV[3], '-', 'COUNT', 1)[1]
if last < tonumber(ARGV[2]) or near and near[1] ~= ARGV[3] then redis.call('DEL', KEYS[1]) end
if tonumber(ARGV[1]) <= last then return false end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'type', ARGV[6], 'text', ARGV[7])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5])
return id
`;

/**
 * Reads on behind an id, which proves by being there that nothing behind it is gone: the oldest are dropped first. Where
 * it is not, or none is given, from the oldest entry on. A log is never left empty, so that everybody has an id that is there.
 *
 * KEYS: log · ARGV: id or an empty text, entries at most, characters after which there are no more → gap?, end?, entries.
 */
export const READ_LUA = `
local limit = tonumber(ARGV[2])
local function from(id) return redis.call('XRANGE', KEYS[1], id, '+', 'COUNT', limit + 2) end
local entries = ARGV[1] == '' and {} or from(ARGV[1])
local first = 1
local gap = 0
if entries[1] and entries[1][1] == ARGV[1] then
  first = 2
else
  if ARGV[1] ~= '' then gap = 1 end
  entries = from('-')
  if #entries == 0 then
    redis.call('XADD', KEYS[1], '*', 'type', '', 'text', '{}')
    entries = from('-')
  end
end
local page = {}
local size = 0
local ended = 1
for index = first, #entries do
  if #page == limit or size > tonumber(ARGV[3]) then
    ended = 0
    break
  end
  local id, fields = entries[index][1], entries[index][2]
  local text = fields[4] or ''
  size = size + #text
  page[#page + 1] = { id, fields[2] or '', text }
end
return { gap, ended, page }
`;

/** KEYS: log → the id of the newest entry; of a first one where there is none. */
export const NEWEST_LUA = `
local entries = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #entries > 0 then return entries[1][1] end
return redis.call('XADD', KEYS[1], '*', 'type', '', 'text', '{}')
`;
