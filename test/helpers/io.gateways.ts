import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import {
  type Client,
  CurrentClient,
  EventData,
  Public,
  SecureGateway,
  SignedEvent,
} from '../../lib/index.js';

/** A gateway without a public handler. */
@WebSocketGateway({ path: '/events', namespace: 'closed' })
@SecureGateway()
export class ClosedGateway {
  readonly seen: unknown[] = [];
  @WebSocketServer() readonly server!: Server;

  handleConnection(socket: Socket) {
    this.seen.push(socket.nsp.name);
    socket.on('by hand', (data: unknown, ack: (answer: unknown) => void) => {
      ack({ byHand: data });
    });
  }

  @SubscribeMessage('whoami')
  whoami(@CurrentClient() client: Client, @ConnectedSocket() socket: Socket) {
    this.seen.push(socket.id);
    return { user: client.user?.id };
  }

  @SubscribeMessage('echo')
  @SignedEvent({ keys: 'session' })
  echo(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('broadcast')
  broadcast(@MessageBody() data: unknown) {
    this.server.emit('news', data);
  }
}

/** A gateway for all namespaces of a form, created when a client connects to one. */
@WebSocketGateway({ path: '/events', namespace: /^\/room-\d$/ })
export class RoomGateway {
  @SubscribeMessage('here')
  here(@ConnectedSocket() socket: Socket) {
    return { in: socket.nsp.name };
  }
}

@WebSocketGateway({ path: '/events', namespace: 'open' })
@Public()
export class OpenGateway {
  @SubscribeMessage('hello')
  hello() {
    return 'hello';
  }
}
