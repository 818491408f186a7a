const TICK = 10;

let ticks = 0;
setInterval(() => {
  ticks++;
}, TICK).unref();

/**
 * Measures by the turns that this process had, in milliseconds: by the clock, most of the time on a busy machine is that
 * of others, and no bound would hold. What waits too long has too many turns here as well.
 *
 * @returns how long it has been
 */
export function stopwatch(): () => number {
  const start = ticks;
  return () => (ticks - start) * TICK;
}
