/**
 * Claims the prefix, unless an application without a common fingerprint owns it.
 *
 * KEYS: owner · ARGV: ttl, fingerprint…
 * → 1 if this application owns the prefix, otherwise 0.
 */
export const CLAIM_LUA = `
local owners = redis.call('GET', KEYS[1])
local is_ours = not owners
for index = 2, #ARGV do
  is_ours = is_ours or string.find(owners, ARGV[index], 1, true) ~= nil
end
if not is_ours then return 0 end
redis.call('SET', KEYS[1], table.concat(ARGV, ' ', 2), 'PX', ARGV[1])
return 1
`;
