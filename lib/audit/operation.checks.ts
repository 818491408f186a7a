import { type AuditCheck, fail, pass, warn } from './audit-report.js';
import { LENIENT_PARSER } from './process-facts.js';

export const stores: AuditCheck = ({ inMemoryStores, hasSiblings, unusualStoreSettings }) => {
  const names = inMemoryStores.join(', ');
  if (hasSiblings && names !== '')
    return fail(
      `Several processes serve the application, and each keeps its own: ${names}`,
      'Set stores, for example redisStores(): one process accepts again what another has already seen',
    );
  if (unusualStoreSettings.length > 0)
    return warn(
      `Too small or too large: ${unusualStoreSettings.join(', ')}`,
      'Set them within these ranges, or leave them out',
    );
  return names === ''
    ? pass('Every store is shared')
    : pass(
        `Only this process serves the application, and it keeps in memory: ${names}${
          inMemoryStores.includes('log-outs') ? '. A restart forgets log-outs' : ''
        }`,
      );
};

export const runtime: AuditCheck = ({ flags, runtime: { bun }, maxOpenFiles, options }) => {
  if (bun !== undefined)
    return fail(
      `Bun ${bun} replaces the package ws: unfinished messages before authentication are not limited, and slow clients are not closed`,
      'Run the server on Node or Deno',
    );
  const unsafe = flags.filter(flag => UNSAFE_FLAG.test(flag));
  if (unsafe.length > 0)
    return fail(
      `The process runs with ${unsafe.join(', ')}`,
      'Remove it from the command line and from NODE_OPTIONS',
    );
  return maxOpenFiles <= options.connection.maxConnections
    ? warn(
        `The process may open ${maxOpenFiles} files, and each connection is one: further clients get no answer, and no log line`,
        'Raise the limit (ulimit -n, LimitNOFILE of systemd, --ulimit of Docker), or lower connection.maxConnections',
      )
    : pass('The runtime enforces every limit of a connection');
};

export const clock: AuditCheck = ({ isClockRunning }) =>
  isClockRunning
    ? pass('The clock is running')
    : fail(
        'The clock stands still: no session ends, and no limit recovers',
        'Remove Clock from the providers. FakeClock is for tests',
      );

/**
 * A debugger that the network can reach, fixes of vulnerabilities that are switched off, outdated TLS, and TLS whose keys or content
 * are written down.
 */
const UNSAFE_FLAG =
  /^(?:--(?:inspect(?:-brk|-wait|-port)?|debug-port)=(?!(?:localhost|127(?:\.\d+){3}|\[::1\])?(?::?\d+)?$)|--security-revert=|--tls-min-v1\.[01]$|--tls-keylog=|--trace-tls$)/;

const KIB = 1_024;
/** Four times the default of Node. */
const LARGE_HEADERS = 64 * KIB;
const HUGE_HEADERS = 1_024 * KIB;

export const httpServer: AuditCheck = ({ http: { isLenient, maxHeaderSize } }) => {
  if (isLenient)
    return fail(
      'The HTTP server accepts malformed requests: a proxy may read another request than the server (request smuggling)',
      `Remove ${LENIENT_PARSER} from the command line and from NODE_OPTIONS, and insecureHTTPParser from the options of the server`,
    );
  const fix =
    'Remove --max-http-header-size from the command line and from NODE_OPTIONS, or maxHeaderSize from the options of the server';
  const finding = `The HTTP server accepts headers of ${maxHeaderSize} bytes, before it knows the client`;
  if (maxHeaderSize > HUGE_HEADERS) return fail(finding, fix);
  return maxHeaderSize > LARGE_HEADERS
    ? warn(finding, fix)
    : pass(`The HTTP server rejects malformed requests, and headers over ${maxHeaderSize} bytes`);
};

export const replayStore: AuditCheck = ({ options }) =>
  options.replay.onStoreError === 'deny'
    ? pass('While the nonce store fails, no event is accepted twice')
    : warn(
        'While the nonce store fails, an event can be accepted twice',
        "Leave replay.onStoreError at 'deny'",
      );

export const errorDetail: AuditCheck = ({ options }) =>
  options.errors === 'brief'
    ? pass('Clients receive codes without reasons')
    : fail(
        'Clients receive the reasons of refusals, which helps attackers',
        "Leave errors at 'brief' in production",
      );

const HOUR = 3_600_000;

/** Kinds of security events by which an operator sees an attack. */
const WATCHED = [
  'refused',
  'closed',
  'handshakeRefused',
  'attemptFailed',
  'attemptsExhausted',
] as const;

export const securityLog: AuditCheck = ({ options }) => {
  const { log, address, levels, logInterval } = options.monitoring;
  const silent = WATCHED.filter(kind => levels[kind] === 'off');
  if (log && silent.length > 0)
    return warn(
      `Not logged: ${silent.join(', ')}`,
      'Leave their monitoring.levels out, or log SecurityEvents yourself',
    );
  if (log && logInterval > HOUR)
    return warn(
      `Repeated refusals are summed up every ${logInterval} ms only`,
      'Lower monitoring.logInterval to a minute',
    );
  return log
    ? pass(`Refusals are logged without secrets; addresses: ${address}`)
    : warn('Refusals are not logged', 'Set monitoring.log to true, or log SecurityEvents yourself');
};
