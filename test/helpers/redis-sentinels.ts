import { Redis, type RedisOptions } from 'ioredis';
import { eventually } from './eventually.js';
import { RedisServer } from './redis-server.js';

const NAME = 'main';
const SENTINELS = 3;
/** How long the primary must be silent before it counts as down. Milliseconds. */
const DOWN_AFTER = 1_000;
/** A Sentinel whose process was delayed waits for 30 s before it does anything. Milliseconds. */
const ELECTION = 90_000;
/** The replica that takes over has what the primary sent at once, and nothing later. */
const PROMPT = ['--repl-diskless-sync-delay', '0'];

/** A primary with a replica, which three Sentinels (quorum 2) promote when the primary fails. */
export class RedisSentinels {
  private readonly clients: Redis[] = [];
  private readonly admins: readonly Redis[];

  private constructor(
    readonly primary: RedisServer,
    readonly replica: RedisServer,
    private readonly sentinels: readonly RedisServer[],
  ) {
    this.admins = sentinels.map(sentinel => sentinel.client());
  }

  static async start(): Promise<RedisSentinels> {
    const primary = await RedisServer.start(PROMPT);
    const replica = await RedisServer.start([
      ...PROMPT,
      '--replicaof',
      '127.0.0.1',
      `${primary.port}`,
    ]);
    const copy = replica.client();
    await eventually(async () => (await copy.info('replication')).includes('link_status:up'));
    const configuration = [
      `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER}`,
      `sentinel failover-timeout ${NAME} 3000`,
    ].join('\n');
    const sentinels: RedisServer[] = [];
    for (let index = 0; index < SENTINELS; index++)
      sentinels.push(await RedisServer.start([], configuration));
    const servers = new RedisSentinels(primary, replica, sentinels);
    await eventually(() => servers.isComplete(), ELECTION);
    return servers;
  }

  /** Returns a client as an application configures it. It is closed with the servers. */
  client(options: RedisOptions = {}): Redis {
    const sentinels = this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Redis({ sentinels, name: NAME, ...options });
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  /** Asks for a fail-over while the primary works. */
  async failOver(): Promise<void> {
    const [sentinel] = this.admins;
    await eventually(() =>
      sentinel!.call('SENTINEL', 'FAILOVER', NAME).then(
        () => true,
        // Right after the start a Sentinel may not know yet that the replica is good.
        () => false,
      ),
    );
  }

  /** Waits until Sentinel names the former replica, and that is a primary. */
  async hasFailedOver(): Promise<void> {
    const [sentinel] = this.admins;
    const copy = this.replica.client();
    await eventually(async () => {
      const address = await sentinel!.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
      const [, port] = address as [string, string];
      return Number(port) === this.replica.port && (await copy.info()).includes('role:master');
    }, ELECTION);
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    const servers = [...this.sentinels, this.primary, this.replica];
    await Promise.all(servers.map(server => server.close()));
  }

  /** Whether each Sentinel knows the replica and the other Sentinels. */
  private async isComplete(): Promise<boolean> {
    const known = await Promise.all(
      this.admins.map(async admin => {
        const fields = (await admin.call('SENTINEL', 'MASTER', NAME)) as string[];
        const valueOf = (field: string) => Number(fields[fields.indexOf(field) + 1]);
        return valueOf('num-slaves') === 1 && valueOf('num-other-sentinels') === SENTINELS - 1;
      }),
    );
    return known.every(Boolean);
  }
}
