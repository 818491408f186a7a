import proxyAddr from 'proxy-addr';
import { normalizeOrigin } from '../protocol/index.js';
import { DEFAULTS } from './defaults.js';
import type { Problems } from './problems.js';
import { STORE_ERROR_POLICIES, type StoreErrorPolicy } from './store-options.js';

export interface PerMessageDeflateOptions {
  /** The size from which the server compresses a message, in bytes. */
  readonly threshold: number;
}

/** As `trust proxy` of Express: all, none, a number of hops, or addresses and subnets. */
export type TrustProxy = boolean | number | string | readonly string[];

export interface ConnectionOptions {
  /** How connection limits behave while their store fails. @default 'local' */
  onStoreError: StoreErrorPolicy;
  /**
   * The origins whose pages may connect: `https://myapp.com`, `https://*.myapp.com` for its sub-domains, or `*`
   * for any, which the production checklist fails. @default []
   */
  origins: readonly string[];
  /**
   * Whether a handshake without `Origin` is accepted. Browsers always send one; other clients could send any origin.
   * @default true
   */
  allowNoOrigin: boolean;
  /** Whether a connection must be encrypted. If omitted, true in production. @default false */
  requireTls: boolean;
  /** The proxies whose headers about the client's address and TLS are trusted. @default false */
  trustProxy: TrustProxy;
  /** The maximum size of a message, in bytes. @default 65_536 */
  maxMessageSize: number;
  /** The maximum size of a message before authentication, finished or not, in bytes. @default 8_192 */
  maxUnauthenticatedMessageSize: number;
  /** Open connections in total, authenticated or not. @default 10_000 */
  maxConnections: number;
  /** Connections at once from one address or IPv6 /64; four times as many from a /56, sixteen from a /48. @default 100 */
  maxConnectionsPerAddress: number;
  /** Open connections of one user. @default 100 */
  maxConnectionsPerUser: number;
  /** Connection attempts per second from one address in the long run. @default 100 */
  connectRate: number;
  /** Connection attempts from one address at once. @default 1_000 */
  connectBurst: number;
  /** Units a connection may cause per second in the long run; a small frame is one unit. @default 100 */
  messageRate: number;
  /** Units a connection may cause at once; a small frame is one unit. @default 200 */
  messageBurst: number;
  /**
   * Compresses messages (permessage-deflate, RFC 7692), each on its own, so that an idle connection keeps no compressor. Clients may
   * then compress theirs. The size of a compressed message reveals repeated text: do not send a secret together with text that
   * another user chose.
   * @default false
   */
  perMessageDeflate: false | PerMessageDeflateOptions;
  /** Handlers running at once for one connection; at this limit the server reads at most 64 KiB more from it. @default 64 */
  maxRunningHandlers: number;
  /** Bytes waiting to be sent to one connection. Beyond this, the server closes it with `SLOW_CONSUMER`. @default 1_048_576 */
  maxBufferedBytes: number;
  /**
   * Offences a connection may commit at once: frames over a limit, wrong signatures, bad frames. The server
   * forgives one every second, and closes the connection beyond this number. @default 100
   */
  maxStrikes: number;
  /** The time between two pings, in milliseconds. A client that has not answered by the next one is dropped. @default 30_000 */
  heartbeatInterval: number;
  /** The time without a message after which a connection is closed, in milliseconds. @default 600_000 */
  idleTimeout: number;
  /** How long a client may take to answer a close frame before it is dropped, in milliseconds. @default 10_000 */
  closeTimeout: number;
  /** How long running handlers may take to finish at shutdown, in milliseconds. @default 5_000 */
  shutdownTimeout: number;
}

/** The options of a single gateway: `@WebSocketGateway({ path, origins, maxMessageSize })`. */
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
  checkDeflate(options.perMessageDeflate, problems);
}

function checkDeflate(perMessageDeflate: unknown, problems: Problems): void {
  const path = 'connection.perMessageDeflate';
  if (perMessageDeflate === undefined || perMessageDeflate === false) return;
  if (typeof perMessageDeflate !== 'object' || perMessageDeflate === null)
    problems.add(path, 'must be false or { threshold: bytes }, such as { threshold: 4_096 }');
  else if (problems.unknown(path, perMessageDeflate, ['threshold']))
    problems.integer(
      `${path}.threshold`,
      'threshold' in perMessageDeflate ? perMessageDeflate.threshold : NaN,
      { min: 1 },
    );
}

/** Adds the problems of an allow-list of origins. */
export function checkOrigins(path: string, origins: unknown, problems: Problems): void {
  if (origins === undefined) return;
  if (!Array.isArray(origins)) {
    problems.wrong(path, origins, 'must be a list of origins');
    return;
  }
  for (const origin of origins as unknown[]) {
    if (typeof origin !== 'string' || normalizeOrigin(origin) === undefined)
      problems.add(
        path,
        `may name origins only, such as https://myapp.com, https://*.myapp.com or capacitor://localhost${typeof origin === 'string' ? `, not "${origin}"` : ''}`,
      );
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
  if (!isProxyList(trustProxy)) {
    const complaint = 'must be true, false, a number of hops, or addresses and subnets';
    const texts = [trustProxy].flat().filter(entry => typeof entry === 'string');
    const wrong = texts.flatMap(proxyList).find(entry => !isProxyList(entry));
    problems.add(path, wrong === undefined ? complaint : `${complaint}, not "${wrong}"`);
    return;
  }
  const number = proxyList(trustProxy).find(entry => BARE_NUMBER.test(entry));
  if (number !== undefined)
    problems.add(path, `has the string "${number}": pass a number of hops as a number`);
}

/**
 * Matches a number where an address is expected. `ipaddr.js` parses the text `1` as the address 0.0.0.1, so a number of hops from an
 * environment variable would trust no proxy.
 */
const BARE_NUMBER = /^(?:0x[\da-f]+|\d+)(?:\/|$)/i;

function isProxyList(proxies: string | readonly string[]): boolean {
  try {
    compileProxies(proxies);
    return true;
  } catch {
    return false;
  }
}

/** @throws TypeError for anything but addresses, subnets and their aliases */
export function compileProxies(
  proxies: string | readonly string[],
): (address: string, hop: number) => boolean {
  return proxyAddr.compile(proxyList(proxies));
}

function proxyList(proxies: string | readonly string[]): string[] {
  const list = typeof proxies === 'string' ? proxies.split(',') : proxies;
  return list.map(entry => entry.trim());
}
