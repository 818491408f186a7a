import { TOLERANCE } from '../../rate-limit/index.js';
import { SERVER_TIME } from './server-time.lua.js';

/**
 * The generic cell rate algorithm, step for step as in rate-limit/token-bucket.ts. A bucket is one key that
 * holds the time at which it is full again and expires then: a full bucket takes up no memory.
 */
export const TOKEN_BUCKET = `${SERVER_TIME}
local TOLERANCE = ${TOLERANCE}

local function keep(key, full_at, now)
  redis.call('SET', key, string.format('%.17g', full_at), 'PX', string.format('%.0f', math.min(math.ceil(full_at - now), 1e15)))
end

local function take(key, interval, fill_time, cost)
  local now = server_time()
  local known = tonumber(redis.call('GET', key) or now)
  -- A server clock set back must not block anybody for longer than a whole bucket takes to fill.
  local full_at = math.min(math.max(known, now), now + fill_time + TOLERANCE * interval)
  local next = full_at + cost * interval
  local allowed = next - now <= fill_time + TOLERANCE * interval
  local retry_after = 0
  if allowed then
    full_at = next
    keep(key, full_at, now)
  else
    retry_after = next - now - fill_time
  end
  local remaining = math.max(0, math.floor((fill_time - (full_at - now)) / interval + TOLERANCE))
  return {
    allowed and 1 or 0,
    string.format('%.0f', remaining),
    string.format('%.17g', retry_after),
    string.format('%.17g', full_at - now),
  }
end
`;

/** KEYS: bucket · ARGV: interval, fill time, cost → allowed, remaining, retry after, reset after. */
export const TAKE_LUA = `${TOKEN_BUCKET}
return take(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
`;

/** KEYS: bucket · ARGV: interval, tokens. */
export const REFUND_LUA = `${TOKEN_BUCKET}
local known = redis.call('GET', KEYS[1])
if not known then return 0 end
local now = server_time()
local earlier = tonumber(known) - tonumber(ARGV[2]) * tonumber(ARGV[1])
if earlier <= now then
  redis.call('DEL', KEYS[1])
else
  keep(KEYS[1], earlier, now)
end
return 1
`;
