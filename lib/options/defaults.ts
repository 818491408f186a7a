import { DEFAULT_EVENT_LIMITS, DEFAULT_TIME_WINDOW } from '../event/index.js';

/** Every default of every option, in one place. */
export const DEFAULTS = {
  signing: { ...DEFAULT_TIME_WINDOW, source: 'nestjs-semantic-events' },
  auth: {
    timeout: 10_000,
    maxSessionAge: 86_400_000,
    ticketLifetime: 30_000,
    attempts: { rate: 5, per: 60_000, burst: 10 },
  },
  connection: {
    onStoreError: 'local',
    origins: [],
    allowNoOrigin: true,
    requireTls: false,
    trustProxy: false,
    maxMessageSize: 65_536,
    maxUnauthenticatedMessageSize: 8_192,
    maxConnections: 10_000,
    maxConnectionsPerAddress: 100,
    maxConnectionsPerUser: 100,
    connectRate: 100,
    connectBurst: 1_000,
    messageRate: 100,
    messageBurst: 200,
    maxRunningHandlers: 64,
    maxBufferedBytes: 1_048_576,
    maxStrikes: 100,
    heartbeatInterval: 30_000,
    idleTimeout: 600_000,
    shutdownTimeout: 5_000,
  },
  event: DEFAULT_EVENT_LIMITS,
  replay: { onStoreError: 'deny', maxNonces: 1_000_000 },
  rateLimit: { onStoreError: 'local', maxKeys: 1_000_000 },
} as const;
