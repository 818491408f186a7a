/**
 * Stores a log-out. It never shortens an earlier one, and never lowers its time. KEYS: mark · ARGV: time of the log-out, ms
 * to keep the mark.
 */
export const LOG_OUT_LUA = `
local at, left = ARGV[1], ARGV[2]
local known = redis.call('GET', KEYS[1])
if known and (tonumber(known) or 0) > tonumber(at) then at = known end
local known_left = redis.call('PTTL', KEYS[1])
if known_left > tonumber(left) then left = string.format('%.0f', known_left) end
redis.call('SET', KEYS[1], at, 'PX', left)
return 1
`;

/** Reads a log-out. KEYS: mark → its time as text; empty if there is none. */
export const LOGGED_OUT_AT_LUA = `return redis.call('GET', KEYS[1]) or ''`;
