import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  EventAuthorizer,
  RateLimitStore,
  SecureGateway,
  type SemanticEventsModuleOptions,
} from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { eventually } from '../helpers/eventually.js';
import { ODD_ERRORS } from '../helpers/odd-errors.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { JWT_SECRET, TestApp, tokenFor } from '../helpers/test-app.js';

let failing = 'none';
let make: () => unknown = () => undefined;
let left = 0;

/** Fails later, as a query does. */
async function at(place: string): Promise<void> {
  await Promise.resolve();
  if (failing === place) throw make();
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class OddGateway {
  handleConnection() {
    return at('handleConnection');
  }

  handleAuthenticated(_: Client) {
    return at('handleAuthenticated');
  }

  handleDisconnect() {
    left++;
    return at('handleDisconnect');
  }

  @SubscribeMessage('echo')
  echo() {
    return 'works';
  }
}

class OddAuthorizer extends EventAuthorizer {
  async canPublish() {
    await at('canPublish');
    return true;
  }

  async canSubscribe() {
    await at('canSubscribe');
    return true;
  }
}

class OddRateLimits extends RateLimitStore {
  async take() {
    await at('take');
    return { allowed: true, remaining: 1, retryAfter: 0, resetAfter: 0 };
  }

  async refund() {
    // Returns no tokens.
  }
}

async function start(
  auth: SemanticEventsModuleOptions['auth'] = { jwt: { secret: JWT_SECRET } },
  adapter?: typeof SemanticEventsIoAdapter,
  rateLimit?: SemanticEventsModuleOptions['rateLimit'],
) {
  failing = 'none';
  const options = {
    auth,
    rateLimit,
    providers: [
      { provide: EventAuthorizer, useClass: OddAuthorizer },
      { provide: RateLimitStore, useClass: OddRateLimits },
    ],
  };
  return TestApp.start({ gateways: [OddGateway], options, adapter });
}

async function expectService(app: TestApp) {
  failing = 'none';
  const client = await app.login('bob');
  client.emit('echo');
  expect((await client.next()).event.data).toBe('works');
}

describe.each([
  'a revoked proxy',
  'a proxy that throws itself',
  'an error whose name throws when it is read',
])('%s', kind => {
  beforeEach(() => {
    make = ODD_ERRORS[kind]!;
  });

  it.each(['handleConnection', 'handleAuthenticated'])(
    'from %s closes its own connection with INTERNAL',
    async place => {
      const app = await start();
      failing = place;
      const client = await app.connect();
      if (place === 'handleAuthenticated') await client.authenticate(tokenFor('alice'));
      expect((await client.next()).code).toBe('INTERNAL');
      await client.closed;
      await expectService(app);
    },
  );

  it('from handleDisconnect has no other effect', async () => {
    const app = await start();
    const client = await app.login();
    left = 0;
    failing = 'handleDisconnect';
    client.terminate();
    await eventually(() => left === 1);
    await expectService(app);
  });

  it('from validateToken, canSubscribe or canPublish is answered with UNAVAILABLE', async () => {
    const validateToken = async (id: string) => {
      await at('validateToken');
      return { id };
    };
    const app = await start({ validateToken });
    failing = 'validateToken';
    expect((await (await app.connect()).authenticate('alice')).code).toBe('UNAVAILABLE');
    failing = 'none';
    const client = await app.connect();
    await client.authenticate('alice');
    failing = 'canSubscribe';
    client.sendJson({ type: 'subscribe', patterns: ['ui.*'] });
    expect((await client.next()).code).toBe('UNAVAILABLE');
    failing = 'canPublish';
    client.emit('echo');
    expect((await client.next()).code).toBe('UNAVAILABLE');
  });

  it.each([
    ['deny', 503, undefined],
    ['local', 101, undefined],
    ['deny', 503, SemanticEventsIoAdapter],
  ] as const)(
    'from a store is an outage: %s answers %d',
    async (onStoreError, expected, adapter) => {
      const app = await start(undefined, adapter, { onStoreError });
      failing = 'take';
      const path = adapter ? '/events/?EIO=4&transport=websocket' : '/events';
      const { status } = await (await RawPeer.connect(app.port)).handshake(path);
      expect(status).toBe(expected);
    },
  );
});
