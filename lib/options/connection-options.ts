import proxyAddr from 'proxy-addr';
import { normalizeOrigin } from '../protocol/index.js';
import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';
import { STORE_ERROR_POLICIES, type StoreErrorPolicy } from './store-options.js';

/** What Express takes as `trust proxy`: all, none, a number of hops, or addresses and subnets. */
export type TrustProxy = boolean | number | string | readonly string[];

export interface ConnectionOptions {
  /** What connection limits do while their store fails. @default 'local' */
  onStoreError: StoreErrorPolicy;
  /**
   * The origins whose pages may connect: `https://myapp.com`, `https://*.myapp.com` for its sub-domains, or `*`
   * for any, which is refused in production. @default []
   */
  origins: readonly string[];
  /**
   * Whether a handshake without `Origin` is taken. Browsers always send one, so this lets in other clients,
   * which could send any origin they like. @default true
   */
  allowNoOrigin: boolean;
  /** Whether a connection must be encrypted; true in production where left out. @default false */
  requireTls: boolean;
  /** Which proxies are believed what they say of the client's address and TLS. @default false */
  trustProxy: TrustProxy;
  /** The largest message taken, in bytes. @default 65_536 */
  maxMessageSize: number;
  /** The largest message taken before authentication, finished or not, in bytes. @default 8_192 */
  maxUnauthenticatedMessageSize: number;
  /** Connections at once in all, authenticated or not. @default 10_000 */
  maxConnections: number;
  /** Connections at once from one address, or one IPv6 /64. @default 100 */
  maxConnectionsPerAddress: number;
  /** Connections at once of one user. @default 100 */
  maxConnectionsPerUser: number;
  /** Connection attempts per second from one address in the long run. @default 100 */
  connectRate: number;
  /** Connection attempts from one address at once. @default 1_000 */
  connectBurst: number;
  /** Frames a connection may send per second in the long run. @default 100 */
  messageRate: number;
  /** Frames a connection may send at once. @default 200 */
  messageBurst: number;
  /** Handlers running at once for one connection; beyond, no more than 64 KiB are read from it. @default 64 */
  maxRunningHandlers: number;
  /** Bytes waiting to be sent to one connection; beyond, it is closed as a slow consumer. @default 1_048_576 */
  maxBufferedBytes: number;
  /**
   * Offences a connection may commit at once: frames over a limit, wrong signatures, bad frames. One is forgiven
   * every second; beyond, the connection is closed. @default 100
   */
  maxStrikes: number;
  /** From one ping to the next, in milliseconds; who has not answered by then is gone. @default 30_000 */
  heartbeatInterval: number;
  /** After how long without a message a connection is closed, in milliseconds. @default 600_000 */
  idleTimeout: number;
  /** How long a peer has to answer our close frame before it is dropped, in milliseconds. @default 10_000 */
  closeTimeout: number;
  /** How long running handlers may take to finish at shutdown, in milliseconds. @default 5_000 */
  shutdownTimeout: number;
}

/** What a gateway may set for itself, in `@WebSocketGateway({ path, origins, maxMessageSize })`. */
export type GatewayConnectionOptions = Pick<ConnectionOptions, 'origins' | 'maxMessageSize'>;

const COUNTS = [
  'maxMessageSize',
  'maxUnauthenticatedMessageSize',
  'maxConnections',
  'maxConnectionsPerAddress',
  'maxConnectionsPerUser',
  'connectBurst',
  'messageBurst',
  'maxRunningHandlers',
  'maxBufferedBytes',
  'maxStrikes',
  'idleTimeout',
] as const;

export function checkConnection(options: Partial<ConnectionOptions>, problems: Problems): void {
  if (!problems.unknown('connection', options, Object.keys(DEFAULTS.connection))) return;
  for (const name of COUNTS) problems.integer(`connection.${name}`, options[name], { min: 1 });
  problems.delay('connection.heartbeatInterval', options.heartbeatInterval);
  problems.delay('connection.closeTimeout', options.closeTimeout);
  problems.delay('connection.shutdownTimeout', options.shutdownTimeout, 0);
  problems.positive('connection.connectRate', options.connectRate);
  problems.positive('connection.messageRate', options.messageRate);
  problems.oneOf('connection.onStoreError', options.onStoreError, STORE_ERROR_POLICIES);
  problems.boolean('connection.allowNoOrigin', options.allowNoOrigin);
  problems.boolean('connection.requireTls', options.requireTls);
  checkOrigins('connection.origins', options.origins, problems);
  checkTrust(options.trustProxy, problems);
}

/** Notes what is wrong with an allow-list of origins. */
export function checkOrigins(path: string, origins: unknown, problems: Problems): void {
  if (origins === undefined) return;
  if (!Array.isArray(origins)) {
    problems.add(path, 'must be a list of origins');
    return;
  }
  for (const origin of origins as unknown[]) {
    if (typeof origin !== 'string' || normalizeOrigin(origin) === undefined)
      problems.add(path, 'may name origins only, such as https://myapp.com or https://*.myapp.com');
    else if (origin === '*' && problems.isProduction)
      problems.add(path, 'may not be "*" in production');
  }
}

function checkTrust(trustProxy: TrustProxy | undefined, problems: Problems): void {
  if (trustProxy === undefined || typeof trustProxy === 'boolean') return;
  const path = 'connection.trustProxy';
  if (typeof trustProxy === 'number') {
    problems.integer(path, trustProxy, { min: 0 });
    return;
  }
  try {
    compileProxies(trustProxy);
  } catch {
    problems.add(path, 'must be true, false, a number of hops, or addresses and subnets');
  }
}

/** @throws TypeError when something else than addresses, subnets and their aliases is named */
export function compileProxies(
  proxies: string | readonly string[],
): (address: string, hop: number) => boolean {
  const list = typeof proxies === 'string' ? proxies.split(',') : proxies;
  return proxyAddr.compile(list.map(entry => entry.trim()));
}
