// What servers and load share. Secrets for benchmarks only.
export const JWT_SECRET = 'bench-jwt-secret-bench-jwt-secret-bench';
export const RING_KEY = { id: 'main', secret: 'bench-ring-secret-bench-ring-secret-bench' };

export const FLOOD_BYTES = 100 * 2 ** 20;
const MESSAGE_BYTES = 64 * 1024;
/** What may wait for a reader before one that is patient sends more. */
const PATIENCE = 512 * 1024;

/**
 * Sends 100 MiB to a socket: as fast as the event loop turns, whether it reads or not, or as fast as it reads.
 */
export async function flood(socket, isPatient) {
  const message = 'x'.repeat(MESSAGE_BYTES);
  for (let sent = 0; sent < FLOOD_BYTES; sent += MESSAGE_BYTES) {
    do await new Promise(setImmediate);
    while (isPatient && socket.readyState === 1 && socket.bufferedAmount > PATIENCE);
    socket.send(message);
  }
}

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
