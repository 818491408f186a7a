import { ClassSerializerInterceptor, SerializeOptions } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Exclude, Expose } from 'class-transformer';
import { reply, SecureGateway, SemanticEventsAdapter, SignedEvent } from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { IoClient } from '../helpers/io-client.js';
import { TestApp } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

class Account {
  @Expose() readonly name = 'alice';
  @Exclude() readonly password = 'canary';
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class AccountGateway {
  @SubscribeMessage('reply')
  @SignedEvent()
  reply() {
    return reply({ type: 'account', subject: 'a1', data: new Account() });
  }

  @SubscribeMessage('exposed')
  @SerializeOptions({ strategy: 'excludeAll' })
  @SignedEvent()
  exposed() {
    return reply({ type: 'account', subject: 'a1', data: new Account() });
  }

  @SubscribeMessage('data')
  @SignedEvent()
  data() {
    return new Account();
  }

  @SubscribeMessage('bytes')
  @SignedEvent()
  bytes() {
    return reply({ type: 'bytes', data: Buffer.from('hi') });
  }
}

const start = (adapter: typeof SemanticEventsAdapter | typeof SemanticEventsIoAdapter) =>
  TestApp.start({
    gateways: [AccountGateway],
    providers: [{ provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor }],
    adapter,
  });

describe('with the ClassSerializerInterceptor of Nest', () => {
  it.each(['reply', 'exposed'])('%s: a reply keeps its type and its attributes', async type => {
    const client = await (await start(SemanticEventsAdapter)).login();
    client.emit(type);
    const { event } = await client.next();
    expect(event).toMatchObject({ type: 'account', subject: 'a1', data: { name: 'alice' } });
    expect(event.data).toEqual({ name: 'alice' });
    expect(client.verifies(event)).toBe(true);
  });

  it('a reply with bytes, and data without reply(), are sent as without it', async () => {
    const client = await (await start(SemanticEventsAdapter)).login();
    client.emit('bytes');
    expect((await client.next()).event).toMatchObject({ type: 'bytes', data_base64: 'aGk=' });
    client.emit('data');
    expect((await client.next()).event).toMatchObject({
      type: 'data.reply',
      data: { name: 'alice' },
    });
  });

  it('on Socket.IO, a reply keeps its type, its attributes and its acknowledgement', async () => {
    const app = await start(SemanticEventsIoAdapter);
    const client = await IoClient.login(app);
    client.send(client.event('reply'));
    const event = await client.next('account');
    expect(event).toMatchObject({ type: 'account', subject: 'a1' });
    expect(event.data).toEqual({ name: 'alice' });
    expect(client.verifies(event)).toBe(true);
    const answer: Json = await client.socket
      .timeout(5_000)
      .emitWithAck('data', client.event('data'));
    expect(answer.data).toEqual({ name: 'alice' });
  });

  it("a reply in Nest's own frame has the type and the data only", async () => {
    const client = await (await start(SemanticEventsAdapter)).login();
    client.sendJson({ event: 'reply', data: client.event('reply') });
    const { event, data } = await client.next();
    expect([event, data.type, data.subject]).toEqual(['account', 'account', 'a1']);
  });
});
