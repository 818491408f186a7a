import { TOLERANCE } from '../../rate-limit/index.js';
import { LEASE_TIME } from '../leased-buckets.js';
import { SERVER_TIME } from './server-time.lua.js';

/**
 * The generic cell rate algorithm, as in rate-limit/token-bucket.ts. A bucket is one key with the time at which it is full
 * again. The key expires at that time, so that a full bucket needs no memory. While tokens are leased, the key also contains the
 * number of the period, and the numbers of tokens leased in this period and the previous one. Earlier leases have ended.
 *
 * A node may use a leased token at any time until its lease ends. Until the token is settled, it therefore counts as used now, and
 * a token that is never settled counts as used when its lease ended. Nodes together never exceed the limit of the bucket.
 */
const BUCKET = `${SERVER_TIME}
local TOLERANCE = ${TOLERANCE}
local LEASE = ${LEASE_TIME}
local key, now, interval = KEYS[1], server_time(), tonumber(ARGV[1])
local period = math.floor(now / LEASE)
local full_at, at, this, before = string.match(redis.call('GET', key) or '', '^(%S+) ?(%S*) ?(%S*) ?(%S*)$')
full_at, at = tonumber(full_at or now), tonumber(at or period) or period
this, before = tonumber(this or 0) or 0, tonumber(before or 0) or 0
local function use_at(time, tokens) full_at = math.max(full_at, time + tokens * interval) end
if at > period then
  -- The clock was set back.
  this, before = this + before, 0
elseif at < period then
  use_at((at + 1) * LEASE, this + before)
  this, before = 0, this
  if at < period - 1 then
    use_at((at + 2) * LEASE, before)
    before = 0
  end
end

local function keep()
  local text, left = string.format('%.17g', full_at), full_at - now
  if this + before > 0 then
    text = string.format('%s %.0f %.0f %.0f', text, period, this, before)
    left = math.max(left, (period + 2) * LEASE + (this + before) * interval - now)
  end
  if left > 0 then
    redis.call('SET', key, text, 'PX', string.format('%.0f', math.min(math.ceil(left), 1e15)))
  else
    redis.call('DEL', key)
  end
end
`;

/**
 * Ends a lease, takes tokens for each request in turn, and leases more tokens if all requests passed.
 *
 * KEYS: bucket · ARGV: interval, fill time, tokens to lease, maximum leased tokens, period of the ended lease or an empty text,
 * its tokens, its unused tokens, cost of each request…
 * → a 1 or 0 for each request, tokens leased, period, milliseconds until the bucket is full.
 */
export const TAKE_LUA = `${BUCKET}
local fill_time = tonumber(ARGV[2])
local want, leasable = tonumber(ARGV[3]), tonumber(ARGV[4])
local settled_in, settled, unused = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local has_changed = settled > 0
if settled_in == period then
  this = math.max(0, this - settled)
elseif settled_in == period - 1 then
  before = math.max(0, before - settled)
else
  -- The lease has ended, and all its tokens count as used.
  settled, unused = 0, 0
end
full_at = full_at - unused * interval
use_at(now, this + before + settled - unused)
-- If the server clock was set back, a client must not wait longer than the fill time of the bucket.
full_at = math.min(full_at, now + fill_time + TOLERANCE * interval)

local answers = {}
for index = 8, #ARGV do
  local next = full_at + tonumber(ARGV[index]) * interval
  local allowed = next - now <= fill_time + TOLERANCE * interval
  if allowed then
    full_at = next
    has_changed = true
  else
    want = 0
  end
  answers[#answers + 1] = allowed and '1' or '0'
end
local left = math.floor((fill_time - (full_at - now)) / interval)
-- Leave at least half of the remaining tokens to other nodes.
local granted = math.max(0, math.min(want, leasable - this - before, math.floor(left / 2)))
full_at = full_at + granted * interval
this = this + granted
if has_changed or granted > 0 then keep() end
return { table.concat(answers), granted, string.format('%.0f', period), string.format('%.17g', full_at - now) }
`;

/** Returns tokens to the bucket. KEYS: bucket · ARGV: interval, tokens. */
export const REFUND_LUA = `${BUCKET}
full_at = full_at - tonumber(ARGV[2]) * interval
keep()
return 1
`;
