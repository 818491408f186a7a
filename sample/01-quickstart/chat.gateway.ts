import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  CurrentClient,
  EventData,
  EventMesh,
  type OnGatewayAuthenticated,
  RateLimit,
  SecureGateway,
  SignedEvent,
} from 'nestjs-semantic-events';
import { z } from 'zod';

/** The room of everybody who is logged in. */
export const LOBBY = 'chat.lobby';

const Whisper = z.object({ to: z.string().min(1).max(256), text: z.string().max(500) });

/**
 * Publishes a client's message to all subscribers of `chat.*`, on all nodes. It accepts any data, because pages must treat
 * it as text of a stranger anyway.
 */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
@RateLimit({ rate: 20, burst: 100 })
export class ChatGateway implements OnGatewayAuthenticated {
  constructor(private readonly mesh: EventMesh) {}

  async handleAuthenticated(client: Client) {
    await this.mesh.join(client, LOBBY);
  }

  @SubscribeMessage('chat.message')
  @SignedEvent()
  async message(@EventData(z.unknown()) data: unknown, @CurrentClient() client: Client) {
    // The server names the author: no client can chat under another user's name.
    const subject = String(client.user?.id);
    const { id } = await this.mesh.emit('chat.message', data, { subject });
    return { id };
  }

  /** Sends a message that only the connections of one user receive. */
  @SubscribeMessage('chat.whisper')
  @SignedEvent()
  async whisper(
    @EventData(Whisper) { to, text }: z.infer<typeof Whisper>,
    @CurrentClient() client: Client,
  ) {
    const subject = String(client.user?.id);
    const { id } = await this.mesh.emitTo({ user: to }, 'chat.whisper', { text }, { subject });
    return { id };
  }

  /** Returns who is in the lobby, on all nodes. */
  @SubscribeMessage('chat.who')
  @SignedEvent()
  async who() {
    return this.mesh.members(LOBBY, 100);
  }
}
