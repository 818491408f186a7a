/**
 * Returns the CPU time of an action in milliseconds: the minimum of several runs, because garbage collection and a busy
 * machine make single runs slower.
 */
export function leastCpuTime(action: () => void, times = 5): number {
  return Math.min(
    ...Array.from({ length: times }, () => {
      const before = process.cpuUsage();
      action();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    }),
  );
}
