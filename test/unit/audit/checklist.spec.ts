import type { AuditedGateway, AuditSubject } from '../../../lib/audit/audit-report.js';
import { audit } from '../../../lib/audit/checklist.js';
import { sentenceOf, tableOf } from '../../../lib/audit/audit-table.js';
import { DEFAULTS, type SemanticEventsOptions } from '../../../lib/options/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { KeyRing } from '../../../lib/signing/key-ring.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const NOW = new FakeClock().now();
const YEAR = 366 * 86_400_000;
const key = (id: string, members = {}) => ({ id, secret: EventSigner.generateKey(), ...members });
const jwt = { secret: EventSigner.generateKey(), audience: 'app', issuer: 'app' };
const ORIGINS = ['https://myapp.com'];

const gateway: AuditedGateway = {
  name: 'UiGateway',
  path: '/events',
  hasOwnPort: false,
  isPublic: false,
  isGuarded: true,
  origins: ORIGINS,
  maxMessageSize: 65_536,
  handlers: [
    {
      name: 'UiGateway.onClick',
      isPublic: false,
      isValidated: true,
      isSigned: true,
      takesAnyPlainMessage: false,
      isLimited: true,
    },
  ],
};

/** Members that a section needs. */
const BASE: Record<string, object> = { auth: { jwt }, signing: { keys: [key('main')] } };

/** Extremes that harm nobody, or only the client itself. */
const SAFE = new Set([
  // Clients use the time of `pong`.
  'signing.clockSkew smallest',
  // A source of keys may be read often. Without one the option has no effect.
  'signing.refresh smallest',
  'signing.refresh largest',
  // One connection for each user, one handler after the other, one subscription, one room, and no history are decisions of the
  // application.
  'connection.maxConnectionsPerUser smallest',
  'connection.maxRunningHandlers smallest',
  'mesh.maxPatterns smallest',
  'mesh.maxRooms smallest',
  'mesh.maxEventsPerAudience smallest',
  'mesh.maxHistorySizePerAudience smallest',
  'connection.shutdownTimeout smallest',
  // `maxMessageSize` bounds every part of an event, and no option allows more than 100 levels.
  'event.maxNameLength largest',
  'event.maxAttributeLength largest',
  'event.maxExtensions largest',
  'event.maxDepth smallest',
  'event.maxDepth largest',
]);

class HttpGuard {
  canActivate() {
    return true;
  }
}

type Given = Partial<SemanticEventsOptions>;

function subject(options: Given = {}, facts: Partial<AuditSubject> = {}): AuditSubject {
  const resolved = resolvedOptions({
    signing: { keys: [key('main')] },
    auth: { jwt },
    ...options,
    connection: {
      requireTls: true,
      trustProxy: '10.0.0.1',
      origins: ORIGINS,
      ...options.connection,
    },
  });
  return {
    options: resolved,
    keys: new KeyRing(resolved.signing.keys).list(),
    gateways: [gateway],
    verifiesCertificates: true,
    overridesCanPublish: true,
    hasAdapter: true,
    isTlsServer: false,
    inMemoryStores: ['nonces'],
    unusualStoreSettings: [],
    flags: [],
    http: { isLenient: false, maxHeaderSize: 16_384 },
    runtime: { node: '20.19.0' },
    maxOpenFiles: Infinity,
    passedOver: [],
    hasSiblings: false,
    now: NOW,
    isClockRunning: true,
    ...facts,
  };
}

const statusOf = (id: string, given: AuditSubject) =>
  audit(given).items.find(item => item.id === id)?.status;

describe('the production checklist', () => {
  it('warns if legacy signature versions are accepted', () => {
    const accept = ['v1', 'integradio'] as const;
    expect(statusOf('signatures', subject({ signing: { keys: [key('main')], accept } }))).toBe(
      'warn',
    );
  });

  it('passes every item for a safe configuration', () => {
    const { ok, counts, items } = audit(subject());
    expect(items.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect([ok, counts]).toEqual([true, { pass: items.length, warn: 0, fail: 0 }]);
  });

  const mixed = { keyProvider: () => null, algorithms: ['HS256', 'RS256'] as ['HS256', 'RS256'] };
  const answers: [string, string, Given, Partial<AuditSubject>?][] = [
    ['fail', 'tls', { connection: { requireTls: false } }],
    ['fail', 'tls', {}, { verifiesCertificates: false }],
    ['fail', 'trust-proxy', { connection: { trustProxy: true } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: false } }],
    ['pass', 'trust-proxy', { connection: { trustProxy: false } }, { isTlsServer: true }],
    ['pass', 'trust-proxy', { connection: { trustProxy: 1 } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: [] } }],
    ['fail', 'origins', { connection: { origins: ['*'] } }],
    ['fail', 'origins', {}, { gateways: [{ ...gateway, origins: ['*'] }] }],
    ['fail', 'origins', { connection: { origins: ['http://myapp.com'] } }],
    ['fail', 'origins', { connection: { origins: ['http://localhost', 'http://localhost.com'] } }],
    ['fail', 'origins', { connection: { origins: ['http://localhost:8080'] } }],
    ['warn', 'origins', { connection: { origins: ['http://localhost'] } }],
    ['warn', 'origins', { connection: { origins: ['https://a.com', 'http://tauri.localhost'] } }],
    ['pass', 'origins', { connection: { origins: [] } }, { gateways: [] }],
    ['warn', 'origins', { connection: { origins: [], allowNoOrigin: false } }, { gateways: [] }],
    ['fail', 'adapter', {}, { hasAdapter: false }],
    ['pass', 'adapter', {}, { hasAdapter: false, gateways: [] }],
    ['warn', 'compression', {}, { hasAdapter: false }],
    ['warn', 'compression', { connection: { perMessageDeflate: { threshold: 4_096 } } }],
    ['warn', 'authentication', {}, { gateways: [{ ...gateway, isGuarded: false }] }],
    [
      'fail',
      'authentication',
      {},
      { gateways: [{ ...gateway, isGuarded: false }], hasAdapter: false },
    ],
    ['pass', 'authentication', {}, { gateways: [{ ...gateway, isPublic: true }] }],
    ['fail', 'jwt', { auth: { jwt: mixed } }],
    ['warn', 'jwt', { auth: { jwt: { secret: jwt.secret } } }],
    ['pass', 'jwt', { auth: { validateToken: () => null } }],
    ['fail', 'key-strength', { signing: { keys: [{ id: 'a', secret: 'a'.repeat(64) }] } }],
    [
      'warn',
      'key-strength',
      { signing: { keys: [{ id: 'a', secret: 'ab12'.repeat(16) + 'xyz' }] } },
    ],
    ['fail', 'key-strength', { signing: { keys: [key('a', { secret: jwt.secret })] } }],
    [
      'warn',
      'key-rotation',
      { signing: { keys: ['a', 'b', 'c', 'd', 'e', 'f'].map(id => key(id)) } },
    ],
    [
      'warn',
      'key-rotation',
      { signing: { keys: [key('a', { notBefore: new Date(NOW - YEAR) })] } },
    ],
    [
      'warn',
      'key-rotation',
      { signing: { keys: [key('a'), key('b', { notAfter: new Date(NOW - 1) })] } },
    ],
    ['fail', 'size-limits', { connection: { maxMessageSize: 100_000_000 } }],
    ['warn', 'size-limits', { connection: { maxMessageSize: 2_000_000 } }],
    ['fail', 'size-limits', {}, { gateways: [{ ...gateway, maxMessageSize: 1e9 }] }],
    ['warn', 'size-limits', { connection: { maxUnauthenticatedMessageSize: 100_000 } }],
    ['fail', 'rate-limits', { connection: { messageRate: 1e6 } }],
    ['fail', 'rate-limits', { auth: { jwt, attempts: { rate: 100, per: 1_000 } } }],
    ['fail', 'rate-limits', { auth: { jwt, attempts: { burst: 1e6 } } }],
    ['fail', 'rate-limits', { connection: { connectBurst: 1e6 } }],
    ['warn', 'rate-limits', { rateLimit: { onStoreError: 'allow' } }],
    ['fail', 'connection-limits', { connection: { maxConnectionsPerAddress: 10_000 } }],
    ['fail', 'clock', {}, { isClockRunning: false }],
    ['pass', 'runtime', {}, { runtime: { node: '24.0.0', deno: '2.5.0' } }],
    ['fail', 'runtime', {}, { runtime: { node: '24.0.0', bun: '1.4.5' } }],
    ['warn', 'runtime', {}, { maxOpenFiles: 10_000 }],
    ['pass', 'runtime', {}, { maxOpenFiles: 10_001 }],
    ['pass', 'runtime', { connection: { maxConnections: 500 } }, { maxOpenFiles: 1_024 }],
    ['fail', 'runtime', {}, { flags: ['--inspect=0.0.0.0:9229'] }],
    ['fail', 'runtime', {}, { flags: ['--inspect-brk=[::]:9229'] }],
    ['fail', 'runtime', {}, { flags: ['--inspect', '--inspect-port=0.0.0.0:9229'] }],
    ['fail', 'runtime', {}, { flags: ['--debug-port=0.0.0.0'] }],
    ['fail', 'runtime', {}, { flags: ['--tls-keylog=keys.txt'] }],
    ['fail', 'runtime', {}, { flags: ['--trace-tls'] }],
    ['pass', 'runtime', {}, { flags: ['--inspect-port=9230', '--inspect-port=127.0.0.1:9230'] }],
    ['fail', 'runtime', {}, { flags: ['--security-revert=CVE-2023-46809'] }],
    ['fail', 'runtime', {}, { flags: ['--tls-min-v1.0'] }],
    [
      'pass',
      'runtime',
      {},
      {
        flags: ['--inspect', '--inspect=9230', '--inspect=127.0.0.1:9229', '--inspect=[::1]'],
      },
    ],
    ['fail', 'http-server', {}, { http: { isLenient: true, maxHeaderSize: 16_384 } }],
    ['fail', 'http-server', {}, { http: { isLenient: false, maxHeaderSize: 2 ** 24 } }],
    ['warn', 'http-server', {}, { http: { isLenient: false, maxHeaderSize: 131_072 } }],
    ['pass', 'http-server', {}, { http: { isLenient: false, maxHeaderSize: 32_768 } }],
    ['fail', 'minimums', { rateLimit: { maxKeys: 5 } }],
    ['fail', 'minimums', { replay: { maxNonces: 10 } }],
    ['fail', 'minimums', { mesh: { maxWaiting: 1 } }],
    ['fail', 'minimums', { connection: { maxConnections: 3, maxConnectionsPerAddress: 1 } }],
    ['warn', 'minimums', { rateLimit: { maxKeys: 5_000 } }],
    ['warn', 'minimums', { auth: { jwt, timeout: 1 } }],
    ['warn', 'minimums', { auth: { jwt, attempts: { burst: 1 } } }],
    ['warn', 'minimums', { auth: { jwt, attempts: { rate: 1, per: 86_400_000 } } }],
    ['warn', 'minimums', { connection: { maxMessageSize: 10 } }],
    ['warn', 'minimums', {}, { gateways: [{ ...gateway, maxMessageSize: 10 }] }],
    ['warn', 'minimums', { connection: { maxConnectionsPerAddress: 1 } }],
    ['warn', 'minimums', { connection: { maxBufferedBytes: 10 } }],
    // One message of this gateway is larger than the queue of a client.
    [
      'warn',
      'minimums',
      { connection: { maxBufferedBytes: 100_000 }, mesh: { maxHistorySize: 1e6 } },
      { gateways: [{ ...gateway, maxMessageSize: 200_000 }] },
    ],
    ['warn', 'minimums', { connection: { messageBurst: 1 } }],
    ['warn', 'minimums', { connection: { idleTimeout: 1 } }],
    ['warn', 'minimums', { connection: { heartbeatInterval: 1 } }],
    ['warn', 'minimums', { event: { maxAttributeLength: 1 } }],
    ['warn', 'minimums', { mesh: { maxEvents: 1 } }],
    ['warn', 'minimums', { monitoring: { logInterval: 1 } }],
    ['warn', 'connection-limits', { connection: { maxConnections: 1_000 } }],
    ['warn', 'connection-limits', { connection: { idleTimeout: 1e12 } }],
    ['warn', 'connection-limits', { connection: { closeTimeout: 86_400_000 } }],
    ['warn', 'connection-limits', { replay: { maxNoncesPerConnection: 1e9 } }],
    ['warn', 'connection-limits', { mesh: { maxWaiting: 1e9 } }],
    ['warn', 'connection-limits', { mesh: { maxHistorySizePerAudience: 2 ** 24 } }],
    ['warn', 'security-log', { monitoring: { logInterval: 1e9 } }],
    ['fail', 'stores', {}, { hasSiblings: true }],
    ['pass', 'stores', {}, { hasSiblings: true, inMemoryStores: [] }],
    ['warn', 'stores', {}, { unusualStoreSettings: ['redisStores.lease (5000 to 300000)'] }],
    ['warn', 'replay-store', { replay: { onStoreError: 'local' } }],
    ['warn', 'security-log', { monitoring: { log: false } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: ['0.0.0.0/1', '128.0.0.0/1'] } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: '2000::/3' } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: 50 } }],
    ['pass', 'trust-proxy', { connection: { trustProxy: 'loopback, uniquelocal, 8.8.8.0/24' } }],
    ['warn', 'connection-limits', { connection: { onStoreError: 'allow' } }],
    ['warn', 'connection-limits', { connection: { maxConnectionsPerUser: 1e9 } }],
    ['warn', 'connection-limits', { connection: { maxRunningHandlers: 1e9 } }],
    ['warn', 'connection-limits', { connection: { maxBufferedBytes: 1e9 } }],
    ['warn', 'connection-limits', { connection: { maxStrikes: 1e9 } }],
    ['fail', 'freshness', { signing: { keys: [key('a')], maxAge: YEAR, clockSkew: YEAR } }],
    ['warn', 'freshness', { signing: { keys: [key('a')], maxAge: 7_200_000 } }],
    ['warn', 'freshness', { replay: { maxNonces: 5_000 } }],
    ['fail', 'sessions', { auth: { jwt: { ...jwt, clockTolerance: YEAR } } }],
    ['warn', 'sessions', { auth: { jwt: { ...jwt, clockTolerance: 600_000 } } }],
    ['warn', 'sessions', { auth: { jwt, maxSessionAge: 100 * YEAR } }],
    ['warn', 'sessions', { auth: { jwt, ticketLifetime: 86_400_000 } }],
    ['warn', 'sessions', { auth: { jwt, timeout: 2 ** 31 - 1 } }],
    ['warn', 'sessions', { auth: { jwt, ticketRoute: { guard: HttpGuard, bind: false } } }],
    ['pass', 'sessions', { auth: { jwt, ticketRoute: { guard: HttpGuard } } }],
    ['warn', 'subscriptions', { mesh: { allow: ['chat.*', '**'] } }],
    ['pass', 'subscriptions', { mesh: { allow: () => ['**'] } }],
    ['fail', 'gateways', {}, { gateways: [gateway, gateway] }],
    ['pass', 'gateways', {}, { gateways: [gateway, { ...gateway, path: '/v2' }] }],
    ['warn', 'global-guards', {}, { passedOver: ['TenantGuard'] }],
    ['fail', 'origins', { connection: { origins: ['https://*.com'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.co.uk'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.github.io'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.vercel.app'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.com.'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.github.io.:8443'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.translate.goog'] } }],
    ['fail', 'origins', { connection: { origins: ['https://*.storage.googleapis.com'] } }],
    ['pass', 'origins', { connection: { origins: ['https://*.my-project.supabase.co'] } }],
    ['pass', 'origins', { connection: { origins: ['https://*.myapp.com', 'https://*.a.co.uk'] } }],
    ['warn', 'connection-limits', { connection: { heartbeatInterval: 86_400_000 } }],
    ['warn', 'connection-limits', { connection: { maxConnections: 1e9 } }],
    ['warn', 'connection-limits', { mesh: { maxPatterns: 1e9 } }],
    ['warn', 'connection-limits', { replay: { maxNonces: 1e9 } }],
    ['warn', 'security-log', { monitoring: { levels: { attemptFailed: 'off' } } }],
    ['pass', 'security-log', { monitoring: { levels: { lost: 'off' } } }],
  ];
  it.each(answers.map(([status, id, options, facts = {}]) => ({ status, id, options, facts })))(
    'returns $status for $id (case $#)',
    ({ status, id, options, facts }) => {
      expect(statusOf(id, subject(options, facts))).toBe(status);
    },
  );

  it.each([
    'Your-256-bit-key-goes-into-this-place',
    'my-jwt-key-ChangeMe-in-production-2026',
    '0123456789abcdef'.repeat(4),
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'the-passwords-of-this-application-are-here',
  ])('does not accept %s as a random secret', secret => {
    const given = subject({ signing: { keys: [{ id: 'a', secret }] } });
    expect(statusOf('key-strength', given)).toBe('warn');
  });

  it.each([
    'ring-key-of-the-test-vectors-32b',
    '72696e672d6b65792d6f662d7468652d746573742d766563746f72732d333262',
    Buffer.from('rnO59CLr0dTc-PfnXegp7DuUf3BFdXRdWGpHWSGNKY8', 'base64url'),
    '0123456789abcdef0123456789abcdef',
    'a-string-secret-at-least-256-bits-long',
  ])('fails a secret that anybody can read: %s', secret => {
    const asKey = subject({ signing: { keys: [{ id: 'a', secret }] } });
    expect(statusOf('key-strength', asKey)).toBe('fail');
    expect(statusOf('key-strength', subject({ auth: { jwt: { secret } } }))).toBe('fail');
  });

  it('warns if a function returns the keys too seldom', () => {
    const { options, ...rest } = subject();
    const signing = { ...options.signing, keySource: () => [], refresh: 10 * 86_400_000 };
    expect(statusOf('key-rotation', { ...rest, options: { ...options, signing } })).toBe('warn');
  });

  const numbers = Object.entries(DEFAULTS).flatMap(([section, defaults]) =>
    Object.entries(defaults).flatMap(([option, value]) =>
      typeof value === 'number'
        ? (['smallest', 'largest'] as const).map(extreme => ({ section, option, extreme }))
        : [],
    ),
  );
  it.each(
    numbers.filter(({ section, option, extreme }) => !SAFE.has(`${section}.${option} ${extreme}`)),
  )('does not pass the $extreme value of $section.$option', ({ section, option, extreme }) => {
    const valid = [0.000_1, 0, 1, 1_000, 2 ** 31 - 1, 1e15].filter(value => {
      try {
        subject({
          auth: { jwt },
          signing: { keys: [key('a')] },
          [section]: { ...BASE[section], [option]: value },
        });
        return true;
      } catch {
        return false;
      }
    });
    const value = extreme === 'smallest' ? Math.min(...valid) : Math.max(...valid);
    const { counts } = audit(subject({ [section]: { ...BASE[section], [option]: value } }));
    expect(counts.warn + counts.fail).toBeGreaterThan(0);
  });

  it.each([
    ['validation', { isValidated: false }],
    ['signed-events', { isSigned: false }],
    ['handler-limits', { isLimited: false }],
    ['plain-messages', { takesAnyPlainMessage: true }],
  ])('names every handler that lacks a protection: %s', (item, lacks) => {
    const [handler] = gateway.handlers;
    const handlers = ['a', 'b'].map(name => ({ ...handler!, name, ...lacks }));
    const { items } = audit(subject({}, { gateways: [{ ...gateway, handlers }] }));
    expect(items.find(({ id }) => id === item)).toMatchObject({
      status: 'warn',
      finding: expect.stringContaining('a, b'),
    });
  });

  it('does not deny an EventAuthorizer that keeps the default canPublish', () => {
    const { items } = audit(subject({}, { overridesCanPublish: false }));
    expect(items.find(({ id }) => id === 'plain-messages')).toMatchObject({
      status: 'pass',
      finding:
        'Plain messages bypass no rule of yours: the application does not override canPublish',
    });
  });

  it('does not ask for guards on gateways that are for HTTP only', () => {
    const { items } = audit(subject({}, { passedOver: ['HttpAuthGuard'] }));
    const fix = items.find(({ id }) => id === 'global-guards')?.fix;
    expect(fix).toContain('unless they are for HTTP only');
  });

  it('says how to fix every item that does not pass, and never contains a secret', () => {
    const given = subject(
      {
        signing: { keys: [{ id: 'a', secret: 'secret-canary-'.repeat(4) }] },
        connection: { requireTls: false, origins: ['*'], trustProxy: true },
      },
      { hasAdapter: false, hasSiblings: true },
    );
    const report = audit(given);
    for (const item of report.items) {
      expect(item.fix === undefined).toBe(item.status === 'pass');
      expect(tableOf(report)).toContain(`${item.status.toUpperCase()}  ${item.id}`);
      expect(tableOf(report)).toContain(sentenceOf(item));
    }
    expect(JSON.stringify(report)).not.toContain('canary');
  });
});
