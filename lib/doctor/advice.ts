import type { Code, HandshakeCode } from '../protocol/index.js';

/** The advice for each code, in one sentence. docs/troubleshooting.md contains details. */
export const ADVICE: Readonly<Record<Code | HandshakeCode, string>> = {
  BAD_HANDSHAKE:
    'A proxy removes or changes headers of the upgrade: let it pass Upgrade, Connection and Sec-WebSocket-*',
  ORIGIN_REJECTED: 'Add the origin to connection.origins, or pass the right one by --origin',
  UNKNOWN_PATH: 'Compare the path with @WebSocketGateway({ path }), and with what a proxy rewrites',
  TLS_REQUIRED:
    'Use wss://. Behind a proxy that ends TLS, set connection.trustProxy and have it send X-Forwarded-Proto',
  TOO_MANY_CONNECTIONS:
    'All clients may share the address of a proxy: set connection.trustProxy, or raise maxConnectionsPerAddress',
  SERVER_FULL:
    'The server has connection.maxConnections, shuts down, or its connection store fails',
  BAD_FRAME: 'Compare the frame with the table of PROTOCOL.md',
  INVALID_EVENT: 'Pass --data that the schema of the handler accepts',
  UNKNOWN_EVENT: 'Pass the name of a handler by --event, as @SubscribeMessage() has it',
  UNAUTHENTICATED: 'Pass a token by --token',
  AUTH_FAILED: 'The log of the server has the reason at level debug, such as a wrong audience',
  AUTH_TIMEOUT: 'The token arrived after auth.timeout',
  SESSION_EXPIRED: 'The token expires at once: get a new one',
  FORBIDDEN: 'The user of the token may not send this event: @Roles, @Authorize or EventAuthorizer',
  REJECTED: 'The handler works, and rejects this event by a decision of the application',
  INVALID_SIGNATURE: 'The log of the server has the reason; something between may change messages',
  EVENT_EXPIRED: 'Compare the clocks of client and server',
  REPLAY_DETECTED: 'Something between sends messages twice',
  RATE_LIMITED: 'Wait and try again; the limit may belong to an address that many share',
  UNSUPPORTED_FRAME: 'Something between turns text frames into binary ones',
  MESSAGE_TOO_LARGE: 'Pass smaller --data, or raise connection.maxMessageSize',
  SLOW_CONSUMER: 'The network between is too slow for what the server sends',
  IDLE_TIMEOUT: 'connection.idleTimeout is shorter than this examination',
  REVOKED: 'The session of the token has been ended',
  SERVER_SHUTDOWN: 'The server restarts: try again',
  UNAVAILABLE:
    'A store, the identity provider or a function of the application fails: see the log of the server',
  INTERNAL: 'A handler or hook of the application throws: see the log of the server',
};
