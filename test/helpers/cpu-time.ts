/**
 * Milliseconds of CPU that something takes: the least of several times, because what the garbage collector does meanwhile,
 * and what a busy machine takes longer for, is not its own.
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
