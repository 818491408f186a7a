import { Logger } from '@nestjs/common';
import { EventSigner, type SigningKeyOptions } from 'nestjs-semantic-events';

/** The quickstart's settings, read from the environment. */
export interface Config {
  host: string;
  port: number;
  keys: SigningKeyOptions[];
  jwtSecret: string;
  messageRate: number | undefined;
  messageBurst: number | undefined;
  authTimeout: number | undefined;
}

type Environment = Record<string, string | undefined>;

/** @throws Error naming every variable that is missing or malformed */
export function readConfig(env: Environment): Config {
  const problems: string[] = [];
  const read = new EnvironmentReader(env, problems);
  const config: Config = {
    host: env.HOST ?? '127.0.0.1',
    port: read.number('PORT') ?? 3000,
    keys: parseKeys(read.secret('SEMANTIC_EVENTS_KEYS', () => `main:${EventSigner.generateKey()}`)),
    jwtSecret: read.secret('JWT_SECRET', () => EventSigner.generateKey()),
    messageRate: read.number('MESSAGE_RATE'),
    messageBurst: read.number('MESSAGE_BURST'),
    authTimeout: read.number('AUTH_TIMEOUT_MS'),
  };
  if (problems.length > 0)
    throw new Error(`The environment is not right:\n  ${problems.join('\n  ')}`);
  return config;
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

  /** A secret is made up where there is none, so that the quickstart starts; never in production. */
  secret(name: string, generate: () => string): string {
    const given = this.env[name];
    if (given) return given;
    if (this.env.NODE_ENV === 'production') this.problems.push(`${name} must be set in production`);
    else this.logger.warn(`${name} is not set: using one that lasts until this process ends`);
    return generate();
  }
}

/** `id:secret,id2:secret2`: the first signs, all verify. */
function parseKeys(text: string): SigningKeyOptions[] {
  return text.split(',').map(pair => {
    const colon = pair.indexOf(':');
    return { id: pair.slice(0, Math.max(colon, 0)).trim(), secret: pair.slice(colon + 1) };
  });
}
