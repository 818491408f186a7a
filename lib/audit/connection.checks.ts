import { type AuditCheck, fail, pass, warn } from './audit-report.js';

const MIB = 1_048_576;

export const tls: AuditCheck = ({ options }) =>
  options.connection.requireTls
    ? pass('Plain connections are refused')
    : fail(
        'Plain connections are taken',
        'Leave connection.requireTls out in production, or set it',
      );

export const trustProxy: AuditCheck = ({ options, gateways, isTlsServer }) => {
  const { trustProxy: trusted, requireTls } = options.connection;
  if (trusted === true)
    return fail(
      'Everybody is believed what X-Forwarded-For says, so that any client can make up its address',
      'Name the addresses of your proxies in connection.trustProxy, or how many there are',
    );
  const isNobody = trusted === false || trusted === 0 || String(trusted) === '';
  const isPlain = !isTlsServer || gateways.some(({ hasOwnPort }) => hasOwnPort);
  if (isNobody && requireTls && isPlain)
    return fail(
      'TLS is required, but the server does not speak it and no proxy is trusted: nobody can connect',
      'Name the proxy that ends TLS in connection.trustProxy, or give NestFactory.create httpsOptions',
    );
  return isNobody
    ? pass('No proxy is believed: addresses are those of the TCP peers')
    : pass('Only the proxies named are believed');
};

export const origins: AuditCheck = ({ options, gateways }) => {
  const allowed = new Set([
    ...options.connection.origins,
    ...gateways.flatMap(gateway => gateway.origins),
  ]);
  if (allowed.has('*'))
    return fail('Pages of any origin may connect', 'Name your own origins in connection.origins');
  const plain = [...allowed].filter(origin => origin.startsWith('http://'));
  if (plain.length > 0)
    return fail(
      `Pages without TLS may connect: ${plain.join(', ')}`,
      'Name https origins only in connection.origins: whoever is on the network can change other pages',
    );
  if (allowed.size > 0) return pass(`Pages of ${[...allowed].join(', ')} may connect`);
  return options.connection.allowNoOrigin
    ? pass('No pages may connect, only clients that are not browsers')
    : warn('Nobody may connect', 'Name your origins in connection.origins');
};

export const connectionLimits: AuditCheck = ({ options }) => {
  const { maxConnections, maxConnectionsPerAddress } = options.connection;
  return maxConnectionsPerAddress < maxConnections
    ? pass(`${maxConnectionsPerAddress} connections per address, ${maxConnections} in all`)
    : fail(
        `One address may take all ${maxConnections} connections`,
        'Set connection.maxConnectionsPerAddress well below connection.maxConnections',
      );
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
      `So high that they limit nothing: ${unbounded.join(', ')}`,
      'Set them to a few times what your clients need',
    );
  if (options.rateLimit.onStoreError === 'allow')
    return warn(
      'There are no limits while their store fails',
      "Set rateLimit.onStoreError to 'local' or 'deny'",
    );
  return pass(
    `${messageRate} frames a second per connection, ${rate} failed log-ins per ${per} ms`,
  );
};

export const sizeLimits: AuditCheck = ({ options, gateways }) => {
  const { maxMessageSize, maxUnauthenticatedMessageSize } = options.connection;
  const largest = Math.max(maxMessageSize, ...gateways.map(gateway => gateway.maxMessageSize));
  const mend = 'Lower maxMessageSize, and send large content over HTTP';
  if (largest > 16 * MIB) return fail(`Messages of ${largest} bytes are taken`, mend);
  if (largest > MIB) return warn(`Messages of ${largest} bytes are taken`, mend);
  if (maxUnauthenticatedMessageSize > 65_536)
    return warn(
      `Messages of ${maxUnauthenticatedMessageSize} bytes are taken before authentication`,
      'Lower connection.maxUnauthenticatedMessageSize: an auth frame needs no more than 9 kB',
    );
  return pass(`Messages of at most ${largest} bytes are taken`);
};

export const compression: AuditCheck = ({ hasAdapter }) =>
  hasAdapter
    ? pass('permessage-deflate is off')
    : warn(
        'Whether permessage-deflate is off cannot be told of another adapter',
        'Install SemanticEventsAdapter, or set perMessageDeflate to false',
      );
