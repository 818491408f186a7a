/**
 * The time of the Redis server in milliseconds, which all nodes share. It counts from the beginning of 2024 instead of 1970. The
 * smaller number leaves a double enough digits for the short intervals of high rates.
 */
export const SERVER_TIME = `
local function server_time()
  local time = redis.call('TIME')
  return (time[1] - 1704067200) * 1000 + time[2] / 1000
end
`;
