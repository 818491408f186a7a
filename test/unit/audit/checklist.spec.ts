import type { AuditedGateway, AuditSubject } from '../../../lib/audit/audit-report.js';
import { audit } from '../../../lib/audit/checklist.js';
import { sentenceOf, tableOf } from '../../../lib/audit/audit-table.js';
import type { SemanticEventsOptions } from '../../../lib/options/index.js';
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
  handlers: [{ name: 'UiGateway.onClick', isPublic: false, isValidated: true }],
};

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
    hasAdapter: true,
    isTlsServer: false,
    inMemoryStores: ['nonces'],
    hasSiblings: false,
    now: NOW,
    ...facts,
  };
}

const statusOf = (id: string, given: AuditSubject) =>
  audit(given).items.find(item => item.id === id)?.status;

describe('the production checklist', () => {
  it('warns while older ways of signing are accepted', () => {
    const accept = ['v1', 'integradio'] as const;
    expect(statusOf('signatures', subject({ signing: { keys: [key('main')], accept } }))).toBe(
      'warn',
    );
  });

  it('is all green where everything is as it should be', () => {
    const { ok, counts, items } = audit(subject());
    expect(items.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect([ok, counts]).toEqual([true, { pass: items.length, warn: 0, fail: 0 }]);
  });

  const mixed = { keyProvider: () => null, algorithms: ['HS256', 'RS256'] as ['HS256', 'RS256'] };
  const answers: [string, string, Given, Partial<AuditSubject>?][] = [
    ['fail', 'tls', { connection: { requireTls: false } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: true } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: false } }],
    ['pass', 'trust-proxy', { connection: { trustProxy: false } }, { isTlsServer: true }],
    ['pass', 'trust-proxy', { connection: { trustProxy: 1 } }],
    ['fail', 'trust-proxy', { connection: { trustProxy: [] } }],
    ['fail', 'origins', { connection: { origins: ['*'] } }],
    ['fail', 'origins', {}, { gateways: [{ ...gateway, origins: ['*'] }] }],
    ['fail', 'origins', { connection: { origins: ['http://myapp.com'] } }],
    ['pass', 'origins', { connection: { origins: [] } }, { gateways: [] }],
    ['warn', 'origins', { connection: { origins: [], allowNoOrigin: false } }, { gateways: [] }],
    ['fail', 'adapter', {}, { hasAdapter: false }],
    ['pass', 'adapter', {}, { hasAdapter: false, gateways: [] }],
    ['warn', 'compression', {}, { hasAdapter: false }],
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
    ['fail', 'stores', {}, { hasSiblings: true }],
    ['pass', 'stores', {}, { hasSiblings: true, inMemoryStores: [] }],
    ['warn', 'replay-store', { replay: { onStoreError: 'local' } }],
    ['warn', 'security-log', { monitoring: { log: false } }],
  ];
  it.each(answers.map(([status, id, options, facts = {}]) => ({ status, id, options, facts })))(
    'says $status of $id, number $#',
    ({ status, id, options, facts }) => {
      expect(statusOf(id, subject(options, facts))).toBe(status);
    },
  );

  it.each([
    'a-string-secret-at-least-256-bits-long',
    'Your-256-bit-key-goes-into-this-place',
    'my-jwt-key-ChangeMe-in-production-2026',
    '0123456789abcdef'.repeat(4),
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'the-passwords-of-this-application-are-here',
  ])('takes %s for no random secret', secret => {
    const given = subject({ signing: { keys: [{ id: 'a', secret }] } });
    expect(statusOf('key-strength', given)).toBe('warn');
  });

  it('names every handler whose data nothing validates', () => {
    const handlers = ['a', 'b'].map(name => ({ name, isPublic: false, isValidated: false }));
    const { items } = audit(subject({}, { gateways: [{ ...gateway, handlers }] }));
    expect(items.find(({ id }) => id === 'validation')).toMatchObject({
      status: 'warn',
      finding: expect.stringContaining('a, b'),
    });
  });

  it('says how to mend whatever is not right, and never shows a secret', () => {
    const given = subject(
      {
        signing: { keys: [{ id: 'a', secret: 'secret-canary-'.repeat(4) }] },
        connection: { requireTls: false, origins: ['*'], trustProxy: true },
      },
      { hasAdapter: false, hasSiblings: true },
    );
    const report = audit(given);
    for (const item of report.items) {
      expect(item.mend === undefined).toBe(item.status === 'pass');
      expect(tableOf(report)).toContain(`${item.status.toUpperCase()}  ${item.id}`);
      expect(tableOf(report)).toContain(sentenceOf(item));
    }
    expect(JSON.stringify(report)).not.toContain('canary');
  });
});
