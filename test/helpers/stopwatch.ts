const TICK = 10;

let ticks = 0;
setInterval(() => {
  ticks++;
}, TICK).unref();

/**
 * Measures time by the turns of this process, in milliseconds. On a busy machine the clock mostly measures other processes,
 * and no limit would be reliable. Code that waits too long uses too many turns here as well.
 *
 * @returns a function that returns the elapsed time
 */
export function stopwatch(): () => number {
  const start = ticks;
  return () => (ticks - start) * TICK;
}
