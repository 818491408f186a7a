import { TOLERANCE } from '../../rate-limit/index.js';
import { LEASE_TIME } from '../leased-buckets.js';
import { SERVER_TIME } from './server-time.lua.js';

/**
 * The generic cell rate algorithm, as in rate-limit/token-bucket.ts. A bucket is one key with the time at which it is full
 * again. The key expires at that time, so that a full bucket needs no memory. While tokens are leased, the key also contains the
 * number of the period, and the leases of this period and of the previous one: the id and the tokens of each. Earlier leases have
 * ended. Redis removes a lease with the call that ends it, so that the same call has no effect if ioredis sends it again.
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
-- Earlier versions stored only the sum of the tokens.
local function leases_of(text)
  local sum = tonumber(text or 0)
  return sum and (sum > 0 and ':' .. text .. ',' or '') or text
end
local function tokens_of(leases)
  local sum = 0
  for tokens in string.gmatch(leases, ':(%d+)') do sum = sum + tokens end
  return sum
end
this, before = leases_of(this), leases_of(before)
local function use_at(time, tokens) full_at = math.max(full_at, time + tokens * interval) end
if at > period then
  -- The clock was set back.
  this, before = this .. before, ''
elseif at < period then
  use_at((at + 1) * LEASE, tokens_of(this .. before))
  this, before = '', this
  if at < period - 1 then
    use_at((at + 2) * LEASE, tokens_of(before))
    before = ''
  end
end

local function keep()
  local text, left = string.format('%.17g', full_at), full_at - now
  if this .. before ~= '' then
    text = string.format('%s %.0f %s %s', text, period, this == '' and '0' or this, before == '' and '0' or before)
    left = math.max(left, (period + 2) * LEASE + tokens_of(this .. before) * interval - now)
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
 * KEYS: bucket · ARGV: interval, fill time, tokens to lease, maximum leased tokens, id of the new lease, id of the ended lease or
 * an empty text, its unused tokens, cost of each request…
 * → a 1 or 0 for each request, tokens leased, milliseconds until the bucket is full.
 */
export const TAKE_LUA = `${BUCKET}
local fill_time = tonumber(ARGV[2])
local want, leasable = tonumber(ARGV[3]), tonumber(ARGV[4])
local id, ended, unused = ARGV[5], ARGV[6], tonumber(ARGV[7])
local settled = 0
local function without_ended(leases)
  local list = ',' .. leases
  local from, to, tokens = string.find(list, ',' .. ended .. ':(%d+)')
  if ended == '' or not from then return leases end
  settled = tonumber(tokens)
  return string.sub(string.sub(list, 1, from - 1) .. string.sub(list, to + 1), 2)
end
this, before = without_ended(this), without_ended(before)
local has_changed = settled > 0
-- Without the lease, all its tokens count as used: it ended before, by time or by the same call.
if settled == 0 then unused = 0 end
full_at = full_at - unused * interval
local leased = tokens_of(this .. before)
use_at(now, leased + settled - unused)
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
local granted = math.max(0, math.min(want, leasable - leased, math.floor(left / 2)))
full_at = full_at + granted * interval
if granted > 0 then this = string.format('%s%s:%.0f,', this, id, granted) end
if has_changed or granted > 0 then keep() end
return { table.concat(answers), granted, string.format('%.17g', full_at - now) }
`;

/** Returns tokens to the bucket. KEYS: bucket · ARGV: interval, tokens. */
export const REFUND_LUA = `${BUCKET}
full_at = full_at - tonumber(ARGV[2]) * interval
keep()
return 1
`;
