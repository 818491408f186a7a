import { Logger } from '@nestjs/common';
import {
  type AttemptLimit,
  type ConnectionOptions,
  EventSigner,
  type SigningKeyOptions,
  type TrustProxy,
} from 'nestjs-semantic-events';

/** The settings of the quickstart, from environment variables. */
export interface Config {
  host: string;
  port: number;
  keys: SigningKeyOptions[];
  jwtSecret: string;
  authTimeout: number | undefined;
  /** The URL of the stores. Without it they are in memory. */
  redisUrl: string | undefined;
  /** The number of log-ins and tokens that may fail, per minute and at once. */
  attempts: Partial<AttemptLimit>;
  connection: Partial<ConnectionOptions>;
}

export type Environment = Record<string, string | undefined>;

/** Reads the settings. @throws Error naming every missing or malformed variable */
export function readConfig(env: Environment): Config {
  const { config, problems } = readEnvironment(env);
  throwIfAny(problems);
  return config;
}

export function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0)
    throw new Error(`Invalid environment variables:\n  ${problems.join('\n  ')}`);
}

/** Reads the settings and lists every problem. */
export function readEnvironment(env: Environment): { config: Config; problems: string[] } {
  const problems: string[] = [];
  const read = new EnvironmentReader(env, problems);
  const port = read.port('PORT') ?? 3000;
  const config: Config = {
    host: env.HOST || '127.0.0.1',
    port,
    keys: parseKeys(read.secret('SEMANTIC_EVENTS_KEYS', () => `main:${EventSigner.generateKey()}`)),
    jwtSecret: read.secret('JWT_SECRET', () => EventSigner.generateKey()),
    authTimeout: read.number('AUTH_TIMEOUT_MS'),
    redisUrl: env.REDIS_URL || undefined,
    attempts: { rate: read.number('AUTH_RATE'), per: 60_000, burst: read.number('AUTH_BURST') },
    connection: connectionOptions(read, port),
  };
  return { config, problems };
}

/** Omits variables that are not set, so that the defaults of the library apply. */
function connectionOptions(read: EnvironmentReader, port: number): Partial<ConnectionOptions> {
  const maxConnections = read.number('MAX_CONNECTIONS');
  return {
    origins: read.list('ALLOWED_ORIGINS') ?? [
      `http://localhost:${port}`,
      `http://127.0.0.1:${port}`,
    ],
    allowNoOrigin: read.boolean('ALLOW_NO_ORIGIN'),
    requireTls: read.boolean('REQUIRE_TLS'),
    trustProxy: read.trustProxy('TRUST_PROXY'),
    maxConnections,
    maxConnectionsPerAddress: read.number('MAX_CONNECTIONS_PER_IP'),
    // The quickstart has two users only, so by default each one may use all connections.
    maxConnectionsPerUser: read.number('MAX_CONNECTIONS_PER_USER') ?? maxConnections ?? 10_000,
    connectRate: read.number('CONNECT_RATE'),
    connectBurst: read.number('CONNECT_BURST'),
    messageRate: read.number('MESSAGE_RATE'),
    messageBurst: read.number('MESSAGE_BURST'),
    maxStrikes: read.number('MAX_STRIKES'),
    maxBufferedBytes: read.number('MAX_BUFFERED_BYTES'),
    heartbeatInterval: read.number('HEARTBEAT_MS'),
    idleTimeout: read.number('IDLE_TIMEOUT_MS'),
  };
}

class EnvironmentReader {
  private readonly logger = new Logger('Quickstart');

  constructor(
    private readonly env: Environment,
    private readonly problems: string[],
  ) {}

  number(name: string): number | undefined {
    const text = this.env[name];
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (Number.isFinite(value)) return value;
    this.problems.push(`${name} must be a number`);
    return undefined;
  }

  port(name: string): number | undefined {
    const value = this.number(name);
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= 65_535))
      return value;
    this.problems.push(`${name} must be a whole number of at most 65535`);
    return undefined;
  }

  boolean(name: string): boolean | undefined {
    const text = this.env[name];
    if (text === undefined || text === '') return undefined;
    if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true;
    if (['false', '0', 'no', 'off'].includes(text.toLowerCase())) return false;
    this.problems.push(`${name} must be true or false`);
    return undefined;
  }

  /** Reads a comma-separated list. */
  list(name: string): string[] | undefined {
    const text = this.env[name];
    return text ? text.split(',').map(entry => entry.trim()) : undefined;
  }

  /** Reads `true`, `false`, a number of hops, or addresses and subnets, as Express accepts them. */
  trustProxy(name: string): TrustProxy | undefined {
    const text = this.env[name];
    if (text === undefined || text === '') return undefined;
    if (text === 'true' || text === 'false') return text === 'true';
    return /^\d+$/.test(text) ? Number(text) : text;
  }

  /** Reads a secret. Outside production it generates a missing one, so that the quickstart starts. */
  secret(name: string, generate: () => string): string {
    const given = this.env[name];
    if (given) return given;
    if (this.env.NODE_ENV === 'production') this.problems.push(`${name} must be set in production`);
    else this.logger.warn(`${name} is not set: using a random value until this process ends`);
    return generate();
  }
}

/** Parses `id:secret,id2:secret2`. The first key signs; all of them verify. */
function parseKeys(text: string): SigningKeyOptions[] {
  return text.split(',').map(pair => {
    const colon = pair.indexOf(':');
    return { id: pair.slice(0, Math.max(colon, 0)).trim(), secret: pair.slice(colon + 1) };
  });
}
