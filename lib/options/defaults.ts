import { DEFAULT_EVENT_LIMITS, DEFAULT_TIME_WINDOW } from '../event/index.js';

/** Every default of every option, in one place. */
export const DEFAULTS = {
  signing: { ...DEFAULT_TIME_WINDOW, source: 'nestjs-semantic-events' },
  auth: { timeout: 10_000, maxSessionAge: 86_400_000 },
  connection: { maxMessageSize: 65_536, messageRate: 100, messageBurst: 200 },
  event: DEFAULT_EVENT_LIMITS,
  replay: { maxNonces: 1_000_000 },
  rateLimit: { maxKeys: 1_000_000 },
} as const;
