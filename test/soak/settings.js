// Settings that nodes and clients share. The secrets are for the soak only.
export const JWT_SECRET = 'soak-jwt-secret-soak-jwt-secret-soak';
export const RING_KEY = { id: 'main', secret: 'soak-ring-secret-soak-ring-secret-soak' };
/** The maximum age of an event, in milliseconds. */
export const MAX_AGE = 5_000;
/** The time after which the places of a killed node are free, in milliseconds. */
export const LEASE = 2_000;
