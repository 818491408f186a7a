// What servers and load share. Secrets for benchmarks only.
export const JWT_SECRET = 'bench-jwt-secret-bench-jwt-secret-bench';
export const RING_KEY = { id: 'main', secret: 'bench-ring-secret-bench-ring-secret-bench' };

/** Answers the bench's question for memory, after collecting garbage. */
export function reportMemory() {
  process.on('message', message => {
    if (message !== 'memory') return;
    globalThis.gc?.();
    setTimeout(() => {
      globalThis.gc?.();
      process.send?.(process.memoryUsage());
    }, 200);
  });
}

/** Answers the bench's question for the CPU time used so far, in microseconds. */
export function reportCpu() {
  process.on('message', message => {
    if (message !== 'cpu') return;
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system });
  });
}

/** What events carry. */
export const DATA = {
  component: 'checkout-button',
  position: { x: 412, y: 118 },
  modifiers: ['shift'],
  label: 'Kasse öffnen',
};
