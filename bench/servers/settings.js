// Settings that servers and load share. The secrets are for benchmarks only.
export const JWT_SECRET = 'bench-jwt-secret-bench-jwt-secret-bench';
export const RING_KEY = { id: 'main', secret: 'bench-ring-secret-bench-ring-secret-bench' };
/** The secret of servers that are protected by hand. */
export const HAND_SECRET = 'bench-hand-secret-bench-hand-secret-bench';

/** Returns the settings from the parent. A server started by hand has the defaults. */
export function settings() {
  return JSON.parse(process.argv[2] ?? '{}');
}
