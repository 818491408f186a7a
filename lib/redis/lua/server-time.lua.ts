/**
 * The time of the Redis server in milliseconds, the one clock that all nodes share. Counted from the end of 2023
 * instead of 1970, so that a double has digits left for the tiny intervals of fast rates.
 */
export const SERVER_TIME = `
local function server_time()
  local time = redis.call('TIME')
  return (time[1] - 1704067200) * 1000 + time[2] / 1000
end
`;
