import { Redis, type RedisOptions } from 'ioredis';
import { contained } from '../monitoring/index.js';
import { closeConnection, promptSettings } from './connection-ends.js';
import type { RedisClient } from './redis-options.js';

const SWITCHED = '+switch-master';
const DEFAULT_PORT = 26_379;
/** The longest pause between attempts to reconnect to a Sentinel, in milliseconds. */
const MAX_RETRY_DELAY = 1_000;

/**
 * Replaces a client's connection as soon as a Sentinel names another primary. ioredis would stay until the former primary
 * closes it. In a planned fail-over that server accepts writes for ten more seconds, while nodes that connect use the new one.
 */
export class SentinelWatch {
  private readonly sentinels: readonly Redis[];
  private readonly name: string | undefined;
  private primary: string | undefined;

  private constructor(
    private readonly client: RedisClient,
    options: RedisOptions,
    commandTimeout: number,
  ) {
    const { sentinels, name, sentinelUsername, sentinelPassword, sentinelTLS } = options;
    this.name = name;
    this.sentinels = (sentinels ?? []).map(({ host, port = DEFAULT_PORT, family }) => {
      const sentinel = new Redis({
        ...promptSettings(commandTimeout),
        ...{ host, port, family, tls: sentinelTLS },
        ...{ username: sentinelUsername, password: sentinelPassword },
        enableReadyCheck: false,
        autoResubscribe: false,
        retryStrategy: attempts => Math.min(attempts * 50, MAX_RETRY_DELAY),
      });
      // Nodes work without the watch: ioredis itself reports that no Sentinel answers.
      sentinel.on('error', () => undefined);
      const ready = contained(() => this.follow(sentinel).catch(() => undefined));
      sentinel.on('ready', ready);
      sentinel.on('message', this.received);
      return sentinel;
    });
  }

  /** Returns undefined if the client does not use Sentinel. */
  static of(client: RedisClient, commandTimeout: number): SentinelWatch | undefined {
    const options = client.options as RedisOptions;
    return options.sentinels ? new SentinelWatch(client, options, commandTimeout) : undefined;
  }

  async close(): Promise<void> {
    this.client.off('connect', this.replace);
    await Promise.all(this.sentinels.map(sentinel => closeConnection(sentinel)));
  }

  /** Asks for the primary first: this Sentinel may have named another one while it was not connected. */
  private async follow(sentinel: Redis): Promise<void> {
    const address = await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name ?? '');
    if (!Array.isArray(address)) return;
    this.primary ??= address.join(' ');
    this.switchTo(address.join(' '));
    await sentinel.subscribe(SWITCHED);
  }

  private readonly received = contained((_channel: string, text: string) => {
    const [name, , , host, port] = text.split(' ');
    if (name === this.name) this.switchTo(`${host} ${port}`);
  });

  private switchTo(primary: string): void {
    if (primary === this.primary) return;
    this.primary = primary;
    const { client } = this;
    if (client.status === 'ready' || client.status === 'connect') client.disconnect(true);
    // A disconnect now would end the client: ioredis does not retry a connection that was closed while it was made.
    else if (client.status === 'connecting') client.once('connect', this.replace);
  }

  private readonly replace = contained(() => {
    this.client.disconnect(true);
  });
}
