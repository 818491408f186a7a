import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  EventAuthorizer,
  EventMesh,
  SecureGateway,
  SemanticEventBody,
  type SemanticEvent,
  SemanticEventsModule,
  type SemanticEventsOptions,
  SignedEvent,
} from '../../lib/index.js';
import { JWT_SECRET, RING_KEY, TestApp } from './test-app.js';
import type { Json, TestClient } from './test-client.js';

/** Publishes events of clients of type `chat.**` unchanged. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
class PublishingGateway {
  constructor(private readonly mesh: EventMesh) {}

  @SubscribeMessage('chat.message')
  @SignedEvent()
  async message(@SemanticEventBody() event: SemanticEvent) {
    await this.mesh.publish(event);
  }
}

type CanSubscribe = (client: Client, pattern: string) => unknown;

/** Starts an application whose clients may subscribe to the patterns that a function returns. */
export async function startMesh(
  may: string[] | CanSubscribe = ['**'],
  options: Partial<SemanticEventsOptions> = {},
) {
  const providers = Array.isArray(may)
    ? []
    : [{ provide: EventAuthorizer, useValue: { canPublish: () => true, canSubscribe: may } }];
  const mesh = Array.isArray(may) ? { allow: may, ...options.mesh } : options.mesh;
  const app = await TestApp.start({
    gateways: [PublishingGateway],
    module: SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      ...options,
      ...(mesh && { mesh }),
      providers,
    }),
  });
  return { app, mesh: app.nest.get(EventMesh) };
}

/** Sends a subscribe frame and returns the first answer. */
export async function subscribe(client: TestClient, patterns: unknown, members: Json = {}) {
  client.sendJson({ type: 'subscribe', patterns, ...members });
  return client.next();
}

/** Returns the data of event frames. */
export const dataOf = (frames: Json[]) =>
  frames.map(({ event }) => (event as Json).data as unknown);
