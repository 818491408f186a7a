// What is mutated, and by what it must be found out.
export const OUT = 'build/mutation';

export const MUTATED = [
  'lib/signing/canonicalize.ts',
  'lib/signing/canonical-json.ts',
  'lib/signing/reply.ts',
  'lib/signing/signature.ts',
  'lib/signing/mac.ts',
  'lib/signing/key-ring.ts',
  'lib/key-table.ts',
  'lib/replay/in-memory-nonce-store.ts',
  'lib/rate-limit/token-bucket.ts',
  'lib/rate-limit/in-memory-rate-limit-store.ts',
  'lib/protocol/origin.ts',
  'lib/protocol/frames.ts',
  'lib/event/patterns.ts',
  'lib/event/validate-event.ts',
  'lib/event/rfc3339.ts',
  'lib/event/time-window.ts',
];

/** Suites of the pure cores; the page of the protocol is held by a suite that needs files beside it. */
export const SUITES = [
  /^test\/property\//,
  /^test\/unit\/(event|replay)\//,
  /^test\/unit\/key-table\./,
  /^test\/unit\/protocol\/(?!protocol-page)/,
  /^test\/unit\/rate-limit\/(token-bucket|in-memory-rate-limit-store|pass-or-refuse|rate-limiter)\./,
  /^test\/unit\/signing\/(canonicalize|event-signer|key-ring|mac|reply-signer|session-key|signature)/,
  /^test\/unit\/connection\/origin\./,
];

export const MIN_SCORE = 85;
