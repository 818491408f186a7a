/** How a client should react to a refusal. */
export type Retry =
  | 'never'
  | 'after-fix'
  | 'after-authentication'
  | 'with-new-token'
  | 'with-new-event'
  | 'after-delay'
  | 'reconnect'
  | 'maybe';

/** When a refusal ends the connection. */
export type Closes = 'never' | 'always' | 'before-authentication' | 'when-repeated';

export interface CodeFacts {
  /** The HTTP status a refusal corresponds to; absent for codes that only ever close. */
  readonly status?: number;
  /** The WebSocket close code; absent for refusals that leave the connection open. */
  readonly close?: number;
  readonly closes: Closes;
  readonly retry: Retry;
  /** The message for clients. It is fixed, so that no refusal can repeat what a client sent. */
  readonly message: string;
}

/** The table of codes in PROTOCOL.md: the status, the close code and the reaction of a client for each code. */
export const CODES = {
  BAD_FRAME: {
    status: 400,
    closes: 'never',
    retry: 'after-fix',
    message: 'The frame is not a known JSON object',
  },
  INVALID_EVENT: {
    status: 422,
    closes: 'never',
    retry: 'after-fix',
    message: 'The event or its data is not valid',
  },
  UNKNOWN_EVENT: {
    status: 404,
    closes: 'never',
    retry: 'never',
    message: 'No handler accepts this event type',
  },
  UNAUTHENTICATED: {
    status: 401,
    close: 4401,
    closes: 'before-authentication',
    retry: 'after-authentication',
    message: 'Authentication is required',
  },
  AUTH_FAILED: {
    status: 401,
    close: 4401,
    closes: 'always',
    retry: 'with-new-token',
    message: 'The token was refused',
  },
  AUTH_TIMEOUT: {
    status: 408,
    close: 4408,
    closes: 'always',
    retry: 'reconnect',
    message: 'Authentication took too long',
  },
  SESSION_EXPIRED: {
    status: 401,
    close: 4401,
    closes: 'always',
    retry: 'with-new-token',
    message: 'The session has expired',
  },
  FORBIDDEN: {
    status: 403,
    closes: 'never',
    retry: 'never',
    message: 'This is not allowed',
  },
  REJECTED: {
    // Unless the application gives another one from 400 to 499.
    status: 400,
    closes: 'never',
    retry: 'never',
    message: 'The application rejected the event',
  },
  INVALID_SIGNATURE: {
    status: 401,
    closes: 'never',
    retry: 'never',
    message: 'The signature is missing or wrong',
  },
  EVENT_EXPIRED: {
    status: 410,
    closes: 'never',
    retry: 'with-new-event',
    message: 'The time of the event is outside the accepted window',
  },
  REPLAY_DETECTED: {
    status: 409,
    closes: 'never',
    retry: 'with-new-event',
    message: 'The event was received before',
  },
  RATE_LIMITED: {
    status: 429,
    close: 4429,
    closes: 'when-repeated',
    retry: 'after-delay',
    message: 'Too many requests',
  },
  UNSUPPORTED_FRAME: {
    status: 415,
    close: 1003,
    closes: 'always',
    retry: 'never',
    message: 'Only text frames are accepted',
  },
  MESSAGE_TOO_LARGE: {
    status: 413,
    close: 1009,
    closes: 'always',
    retry: 'never',
    message: 'The message is too large',
  },
  SLOW_CONSUMER: {
    close: 4508,
    closes: 'always',
    retry: 'reconnect',
    message: 'Messages are not read fast enough',
  },
  IDLE_TIMEOUT: {
    close: 4000,
    closes: 'always',
    retry: 'reconnect',
    message: 'The connection was idle for too long',
  },
  REVOKED: {
    close: 4403,
    closes: 'always',
    retry: 'never',
    message: 'Access was revoked',
  },
  SERVER_SHUTDOWN: {
    close: 1001,
    closes: 'always',
    retry: 'reconnect',
    message: 'The server is going away',
  },
  UNAVAILABLE: {
    status: 503,
    close: 1013,
    closes: 'when-repeated',
    retry: 'after-delay',
    message: 'The service is not available right now',
  },
  INTERNAL: {
    status: 500,
    closes: 'never',
    retry: 'maybe',
    message: 'Something went wrong',
  },
} as const satisfies Record<string, CodeFacts>;

export type Code = keyof typeof CODES;

/** The facts of a code, widened so that optional members can be read of any code. */
export function factsOf(code: Code): CodeFacts {
  return CODES[code];
}

/** The codes of handshakes refused before the upgrade, with their HTTP status. */
export const HANDSHAKE_CODES = {
  // 405 if the method is not GET.
  BAD_HANDSHAKE: { status: 400, message: 'The request is not a WebSocket handshake' },
  ORIGIN_REJECTED: { status: 403, message: 'This origin is not allowed' },
  UNKNOWN_PATH: { status: 404, message: 'No gateway is at this path' },
  TLS_REQUIRED: { status: 426, message: 'A TLS connection is required' },
  TOO_MANY_CONNECTIONS: { status: 429, message: 'Too many connections' },
  SERVER_FULL: { status: 503, message: 'The server accepts no more connections' },
} as const satisfies Record<string, { status: number; message: string }>;

/** The `Upgrade` header of a `TLS_REQUIRED` answer (RFC 9110, section 15.5.22). */
export const TLS_UPGRADE = 'TLS/1.2, HTTP/1.1';

export type HandshakeCode = keyof typeof HANDSHAKE_CODES;
