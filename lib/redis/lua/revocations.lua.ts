/** Marks a session as ended. Never shortens an existing mark. KEYS: session · ARGV: ms to keep the mark. */
export const END_SESSION_LUA = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
return 1
`;

/** Checks whether a session has ended. KEYS: session → 1 if it has ended. */
export const HAS_ENDED_LUA = `return redis.call('EXISTS', KEYS[1])`;
