// What servers and load share. Secrets for benchmarks only.
export const JWT_SECRET = 'bench-jwt-secret-bench-jwt-secret-bench';
export const RING_KEY = { id: 'main', secret: 'bench-ring-secret-bench-ring-secret-bench' };
/** Of servers whose protections are written by hand. */
export const HAND_SECRET = 'bench-hand-secret-bench-hand-secret-bench';

/** What the parent asks of a server; servers started by hand have only their defaults. */
export function settings() {
  return JSON.parse(process.argv[2] ?? '{}');
}
