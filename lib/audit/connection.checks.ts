import { compileProxies } from '../options/index.js';
import { type AuditCheck, fail, pass, warn } from './audit-report.js';

const MIB = 1_048_576;

export const tls: AuditCheck = ({ options, verifiesCertificates }) => {
  if (!options.connection.requireTls)
    return fail(
      'Connections without TLS are accepted',
      'Set connection.requireTls to true, or leave it out: true is the default in production',
    );
  return verifiesCertificates
    ? pass('Connections without TLS are refused')
    : fail(
        'NODE_TLS_REJECT_UNAUTHORIZED is 0: anybody on the network can stand in for your identity provider',
        'Remove it, and name the certificate of a private authority in NODE_EXTRA_CA_CERTS',
      );
};

export const trustProxy: AuditCheck = ({ options, gateways, isTlsServer }) => {
  const { trustProxy: trusted, requireTls } = options.connection;
  if (trusted === true)
    return fail(
      'connection.trustProxy trusts X-Forwarded-For from every address: any client can choose its address',
      'Set connection.trustProxy to the addresses of your proxies, or to their number',
    );
  if (typeof trusted === 'number' ? trusted > MAX_HOPS : trustsTheInternet(trusted))
    return fail(
      `connection.trustProxy trusts X-Forwarded-For from almost every address: ${String(trusted)}`,
      'Set connection.trustProxy to the addresses of your proxies, or to their number',
    );
  const trustsNone = trusted === false || trusted === 0 || String(trusted) === '';
  const isPlain = !isTlsServer || gateways.some(({ hasOwnPort }) => hasOwnPort);
  if (trustsNone && requireTls && isPlain)
    return fail(
      'TLS is required, but the server does not terminate it and no proxy is trusted: no client can connect',
      'Set connection.trustProxy to the proxy that terminates TLS, or pass httpsOptions to NestFactory.create',
    );
  return trustsNone
    ? pass('No proxy is trusted: the address of a client is that of its TCP connection')
    : pass('Only the named proxies are trusted');
};

/** Addresses of unrelated networks. A list that contains two of them does not describe proxies. */
const STRANGERS = [
  ...['1.1.1.1', '8.8.8.8', '51.15.0.1', '93.184.216.34', '142.250.0.1', '203.0.114.1'],
  ...['2001:4860::1', '2400:cb00::1', '2606:4700::1', '2a00:1450::1'],
];
const MAX_HOPS = 5;

function trustsTheInternet(trusted: boolean | string | readonly string[]): boolean {
  if (typeof trusted === 'boolean' || String(trusted) === '') return false;
  const trusts = compileProxies(trusted);
  return STRANGERS.filter(address => trusts(address, 0)).length > 1;
}

export const origins: AuditCheck = ({ options, gateways }) => {
  const allowed = new Set([
    ...options.connection.origins,
    ...gateways.flatMap(gateway => gateway.origins),
  ]);
  if (allowed.has('*'))
    return fail('Pages of every origin may connect', 'Set connection.origins to your own origins');
  const shared = [...allowed].filter(isSharedByStrangers);
  if (shared.length > 0)
    return fail(
      `Pages of strangers may connect: ${shared.join(', ')}`,
      'Set connection.origins to names below your own domain, such as https://*.myapp.com',
    );
  const plain = [...allowed].filter(origin => origin.startsWith('http://'));
  const remote = plain.filter(origin => !APP_ORIGIN.test(origin));
  if (remote.length > 0)
    return fail(
      `Pages without TLS may connect: ${remote.join(', ')}`,
      'Set connection.origins to https origins only: an attacker on the network can change pages without TLS',
    );
  if (plain.length > 0)
    return warn(
      `Apps and servers on the user's device may connect: ${plain.join(', ')}`,
      'Remove them from connection.origins, unless they belong to your app (as of Capacitor or Tauri)',
    );
  if (allowed.size > 0) return pass(`Pages of ${[...allowed].join(', ')} may connect`);
  return options.connection.allowNoOrigin
    ? pass('No page may connect, only clients outside browsers')
    : warn('No client may connect', 'Set connection.origins to your origins');
};

/**
 * Origins of apps made with Capacitor (Android) and Tauri (Windows). Their pages are in the app, so no attacker on the network can
 * change them. With a port it is a development server.
 */
const APP_ORIGIN = /^http:\/\/(?:[\w-]+\.)*localhost$/;

/** Further hosts of pages, tunnels and previews, and names that resolve to any address. */
const PAGE_HOSTS = new Set([
  ...['up.railway.app', 'hf.space', 'deno.dev', 'r2.dev', 'blogspot.com', 'streamlit.app'],
  ...['a.run.app', 'storage.googleapis.com', 'blob.core.windows.net', 'b-cdn.net', 'supabase.co'],
  ...['myshopify.com', 'wixsite.com', 'gitpod.io', 'app.github.dev', 'trycloudflare.com'],
  ...['loca.lt', 'lhr.life', 'translate.goog', 'nip.io', 'sslip.io', 'eu.org', 'uk.com'],
]);

/** Suffixes below which any person can register a name: top-level domains, `co.uk` and the like, and large hosts of pages. */
const PUBLIC_SUFFIX =
  /^(?:[^.]+|(?:com?|net|org|gov|edu|ac|or|ne|go)\.[a-z]{2}|(?:github|gitlab|netlify|vercel|pages|workers|web|firebaseapp|herokuapp|onrender|fly|surge|ngrok|ngrok-free|azurewebsites|azurestaticapps|cloudfront|amplifyapp|appspot|run|glitch|replit|codesandbox|stackblitz)\.(?:io|app|dev|com|net|sh|me|page)|[\w.-]+\.amazonaws\.com)$/;

function isSharedByStrangers(origin: string): boolean {
  // A dot at the end names the same host.
  const [, suffix] = /^\w+:\/\/\*\.([^:/]+?)\.?(?::|$)/.exec(origin) ?? [];
  if (suffix === undefined || suffix === 'localhost') return false;
  return PUBLIC_SUFFIX.test(suffix) || PAGE_HOSTS.has(suffix);
}

const HOUR = 3_600_000;
/** How many addresses a /48 of IPv6 counts for. */
const PER_SITE = 16;

export const connectionLimits: AuditCheck = ({ options }) => {
  const { maxConnections, maxConnectionsPerAddress, ...others } = options.connection;
  if (maxConnectionsPerAddress >= maxConnections)
    return fail(
      `One address may open all ${maxConnections} connections`,
      'Set connection.maxConnectionsPerAddress well below connection.maxConnections',
    );
  if (maxConnectionsPerAddress * PER_SITE >= maxConnections)
    return warn(
      `One IPv6 site (a /48) may open all ${maxConnections} connections`,
      `Set connection.maxConnectionsPerAddress below a ${PER_SITE}th of connection.maxConnections`,
    );
  const { mesh, replay, rateLimit } = options;
  const high = [
    maxConnections > 1_000_000 && 'connection.maxConnections',
    others.heartbeatInterval > HOUR && 'connection.heartbeatInterval',
    others.idleTimeout > 24 * HOUR && 'connection.idleTimeout',
    others.closeTimeout > 60_000 && 'connection.closeTimeout',
    others.shutdownTimeout > HOUR && 'connection.shutdownTimeout',
    replay.maxNonces > 100_000_000 && 'replay.maxNonces',
    replay.maxNoncesPerConnection > 100_000 && 'replay.maxNoncesPerConnection',
    rateLimit.maxKeys > 100_000_000 && 'rateLimit.maxKeys',
    mesh.maxPatterns > 10_000 && 'mesh.maxPatterns',
    mesh.maxRooms > 10_000 && 'mesh.maxRooms',
    mesh.maxEvents > 10_000_000 && 'mesh.maxEvents',
    mesh.maxHistorySize > 4_096 * MIB && 'mesh.maxHistorySize',
    mesh.maxWaiting > 10_000_000 && 'mesh.maxWaiting',
    // Otherwise one user or room can replace the events of all others.
    mesh.maxEventsPerAudience > mesh.maxEvents / 2 && 'mesh.maxEventsPerAudience',
    mesh.maxHistorySizePerAudience > mesh.maxHistorySize / 2 && 'mesh.maxHistorySizePerAudience',
    others.maxConnectionsPerUser >= maxConnections && 'connection.maxConnectionsPerUser',
    others.maxRunningHandlers > 1_000 && 'connection.maxRunningHandlers',
    others.maxBufferedBytes > 64 * MIB && 'connection.maxBufferedBytes',
    others.maxStrikes > 10_000 && 'connection.maxStrikes',
  ].filter(name => name !== false);
  if (high.length > 0)
    return warn(
      `Too high to limit anything: ${high.join(', ')}`,
      'Lower them to a few times what your clients need',
    );
  if (others.onStoreError === 'allow')
    return warn(
      'While their store fails, connections have no limits',
      "Set connection.onStoreError to 'local' or 'deny'",
    );
  return pass(`${maxConnectionsPerAddress} connections per address, ${maxConnections} in all`);
};

export const rateLimits: AuditCheck = ({ options }) => {
  const { messageRate, messageBurst, connectRate, connectBurst } = options.connection;
  const { rate, per, burst } = options.auth.attempts;
  const unbounded = [
    messageRate > 10_000 && 'connection.messageRate',
    messageBurst > 100_000 && 'connection.messageBurst',
    connectRate > 10_000 && 'connection.connectRate',
    connectBurst > 100_000 && 'connection.connectBurst',
    (rate / per > 10 / 1_000 || burst > 1_000) && 'auth.attempts',
  ].filter(name => name !== false);
  if (unbounded.length > 0)
    return fail(
      `Too high to limit anything: ${unbounded.join(', ')}`,
      'Lower them to a few times what your clients need',
    );
  if (options.rateLimit.onStoreError === 'allow')
    return warn(
      'While their store fails, handlers and log-ins have no limits',
      "Set rateLimit.onStoreError to 'local' or 'deny'",
    );
  return pass(
    `${messageRate} frames a second per connection, ${rate} failed log-ins per ${per} ms`,
  );
};

export const sizeLimits: AuditCheck = ({ options, gateways }) => {
  const { maxMessageSize, maxUnauthenticatedMessageSize } = options.connection;
  const largest = Math.max(maxMessageSize, ...gateways.map(gateway => gateway.maxMessageSize));
  const fix = 'Lower maxMessageSize, and send large content over HTTP';
  if (largest > 16 * MIB) return fail(`Messages of ${largest} bytes are accepted`, fix);
  if (largest > MIB) return warn(`Messages of ${largest} bytes are accepted`, fix);
  if (maxUnauthenticatedMessageSize > 65_536)
    return warn(
      `Messages of ${maxUnauthenticatedMessageSize} bytes are accepted before authentication`,
      'Lower connection.maxUnauthenticatedMessageSize: an auth frame needs at most 9 kB',
    );
  return pass(`Messages of at most ${largest} bytes are accepted`);
};

export const compression: AuditCheck = ({ hasAdapter, options }) => {
  if (!hasAdapter)
    return warn(
      'Another adapter is installed, which may have permessage-deflate on',
      'Install SemanticEventsAdapter, or set perMessageDeflate to false',
    );
  return options.connection.perMessageDeflate
    ? warn(
        'permessage-deflate is on: the size of a compressed message reveals text that it repeats, as in CRIME and BREACH',
        'Remove connection.perMessageDeflate, unless no message contains a secret together with text that somebody else chose',
      )
    : pass('permessage-deflate is off');
};
