/**
 * Tells again what Redis has forgotten. All nodes do, and mostly the same: what one has told is left out.
 *
 * KEYS: revocations, retold · ARGV: node, how many are kept, how long to know what was told, revocation…
 */
export const RETELL_LUA = `
for index = 4, #ARGV do
  if redis.call('SADD', KEYS[2], ARGV[index]) == 1 then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'node', ARGV[1], 'revocation', ARGV[index])
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 0
`;
