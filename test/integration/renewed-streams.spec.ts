import type { INestApplication, Type, WebSocketAdapter } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Observable } from 'rxjs';
import { Roles, SecureGateway, SemanticEventsAdapter } from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient } from '../helpers/io-client.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

let running = 0;

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class FeedGateway {
  @SubscribeMessage('feed')
  @Roles('admin')
  feed() {
    return new Observable(subscriber => {
      running++;
      subscriber.next('begun');
      return () => {
        running--;
        throw new Error('The teardown of the application fails');
      };
    });
  }
}

/** Opens a connection of an administrator, and starts a stream. */
async function begin(adapter: new (app: INestApplication) => WebSocketAdapter) {
  const app = await TestApp.start({ gateways: [FeedGateway as Type], adapter });
  const token = tokenFor('alice', { roles: ['admin', 'staff'] });
  if (adapter === SemanticEventsIoAdapter) {
    const client = IoClient.open(app.port, { auth: { token } });
    await client.next('auth_success');
    const event = client.event('feed');
    client.send(event);
    await client.next('feed.reply');
    const renew = async (roles: string[]) => {
      client.socket.emit('auth', { token: tokenFor('alice', { roles }) });
      await client.next('auth_success');
    };
    return { id: event.id, renew, refusal: () => client.next('exception') };
  }
  const client = await app.connect();
  await client.authenticate(token);
  const { id } = client.emit('feed');
  await client.next();
  const renew = async (roles: string[]) => {
    expect((await client.authenticate(tokenFor('alice', { roles }))).type).toBe('auth_success');
  };
  return { id, renew, refusal: () => client.next() };
}

describe.each([
  ['ws', SemanticEventsAdapter],
  ['Socket.IO', SemanticEventsIoAdapter],
])('a stream of a handler over %s', (_, adapter) => {
  beforeEach(() => {
    running = 0;
  });

  it('ends with FORBIDDEN if a renewed token lacks a role', async () => {
    const { id, renew, refusal } = await begin(adapter);
    await renew(['staff']);
    expect(await refusal()).toMatchObject({ code: 'FORBIDDEN', id });
    await eventually(() => running === 0);
  });

  it('continues if a renewed token has all roles, and others', async () => {
    const { renew } = await begin(adapter);
    await renew(['more', 'staff', 'admin']);
    await renew(['admin', 'staff', 'more']);
    expect(running).toBe(1);
  });
});
