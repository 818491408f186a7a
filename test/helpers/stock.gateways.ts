import { UseGuards } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  AuthenticatedGuard,
  type Client,
  clientOf,
  CurrentClient,
  EventData,
  EventSigner,
  Public,
  RateLimit,
  SecureGateway,
  SignedEvent,
  TokenAuthenticator,
} from '../../lib/index.js';
import { Order } from './demo.gateway.js';
import { RING_KEY, TestApp, type TestAppOptions } from './test-app.js';
import type { Json, TestClient } from './test-client.js';

const ONE_A_MINUTE = { rate: 1, per: 60_000 };

/** A gateway with its own log-in, because Nest's adapter knows no auth frame. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
export class StockSecureGateway {
  constructor(
    private readonly authenticator: TokenAuthenticator,
    private readonly signer: EventSigner,
  ) {}

  @SubscribeMessage('login')
  @Public()
  async login(@MessageBody() token: string, @ConnectedSocket() socket: object) {
    const client = clientOf(socket);
    const { user, expiresAt } = await this.authenticator.authenticate(token, client.handshake);
    client.authenticateAs(user, expiresAt);
    const { id, key } = this.signer.sessionKeyOf(client);
    return { event: 'login', data: { key_id: id, key: key.export().toString('base64url') } };
  }

  @SubscribeMessage('whoami')
  whoami(@CurrentClient() client: Client) {
    return { event: 'whoami', data: client.user?.id };
  }

  @SubscribeMessage('unsigned')
  unsigned(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('echo')
  @SignedEvent()
  echo(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('limited')
  @SignedEvent()
  @RateLimit(ONE_A_MINUTE)
  limited(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('validated')
  @SignedEvent()
  validated(@EventData(Order) data: unknown) {
    return data;
  }

  @SubscribeMessage('throws')
  @SignedEvent()
  throws() {
    throw new Error('internal detail');
  }
}

/** A gateway with single guards and Nest's own exception filter. */
@WebSocketGateway({ path: '/events' })
export class StockBareGateway {
  @SubscribeMessage('echo')
  @SignedEvent()
  echo(@EventData() data: unknown) {
    return { event: 'echo.reply', data };
  }

  @SubscribeMessage('limited')
  @SignedEvent()
  @RateLimit(ONE_A_MINUTE)
  limited(@EventData() data: unknown) {
    return { event: 'limited.reply', data };
  }

  @SubscribeMessage('validated')
  @SignedEvent()
  validated(@EventData(Order) data: unknown) {
    return { event: 'validated.reply', data };
  }

  @SubscribeMessage('guarded')
  @UseGuards(AuthenticatedGuard)
  guarded() {
    return { event: 'guarded', data: 'for users only' };
  }
}

/** Starts an application on Nest's own adapter. */
export function startStock(gateway: TestAppOptions['gateways'][number], more = {}) {
  return TestApp.start({ gateways: [gateway], adapter: WsAdapter, ...more });
}

/** Returns a trusted producer, which signs with a ring key. */
export async function producerOf(app: TestApp): Promise<TestClient> {
  const client = await app.connect();
  const key = Buffer.from(RING_KEY.secret).toString('base64url');
  client.signing = { key_id: RING_KEY.id, key };
  return client;
}

/** Sends an event in Nest's frame and returns the answer. */
export function send(client: TestClient, event: Json, name: string = event.type): Promise<Json> {
  client.sendJson({ event: name, data: event });
  return client.next();
}

/** Authenticates at StockSecureGateway. From then on the client signs with its session key. */
export async function logIn(client: TestClient, token: string): Promise<Json> {
  client.sendJson({ event: 'login', data: token });
  const answer = await client.next();
  if (answer.event === 'login') client.signing = answer.data;
  return answer;
}
