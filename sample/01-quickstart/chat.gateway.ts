import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  CurrentClient,
  EventData,
  EventMesh,
  SecureGateway,
  SignedEvent,
} from 'nestjs-semantic-events';
import { z } from 'zod';

/**
 * What one client says, all who listen to `chat.*` hear, on whatever node they are. Any data will do: whoever shows it
 * has to treat it as text of a stranger anyway.
 */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
export class ChatGateway {
  constructor(private readonly mesh: EventMesh) {}

  @SubscribeMessage('chat.message')
  @SignedEvent()
  async message(@EventData(z.unknown()) data: unknown, @CurrentClient() client: Client) {
    // The server says who it was: nobody can chat under another's name.
    const subject = String(client.user?.id);
    const { id } = await this.mesh.emit('chat.message', data, { subject });
    return { event: 'chat.message.reply', data: { id } };
  }
}
