import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventData, EventMesh, SecureGateway, SignedEvent } from '../../lib/index.js';
import { TestApp } from '../helpers/test-app.js';

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ChatGateway {
  constructor(private readonly mesh: EventMesh) {}

  @SubscribeMessage('chat.message')
  @SignedEvent()
  async message(@EventData() data: unknown) {
    await this.mesh.emit('chat.message', data);
  }
}

const start = () =>
  TestApp.start({ gateways: [ChatGateway], options: { mesh: { allow: ['chat.**'] } } });

describe('a subscribed client', () => {
  it('receives matching events, signed with its own session key', async () => {
    const app = await start();
    const alice = await app.login('alice');
    const bob = await app.login('bob');
    bob.sendJson({ type: 'subscribe', patterns: ['chat.*'], id: '1' });
    expect(await bob.next()).toMatchObject({ type: 'subscribed', patterns: ['chat.*'], id: '1' });

    alice.emit('chat.message', { text: 'hi' });

    const frame = await bob.next();
    expect(frame).toMatchObject({
      type: 'event',
      event: { type: 'chat.message', data: { text: 'hi' } },
    });
    expect(bob.verifies(frame.event)).toBe(true);
  });

  it('resumes after a cursor without loss or repetition', async () => {
    const app = await start();
    const mesh = app.nest.get(EventMesh);
    const bob = await app.login('bob');
    bob.sendJson({ type: 'subscribe', patterns: ['chat.*'] });
    await bob.next();
    for (let n = 0; n < 10; n++) await mesh.emit('chat.message', n);
    const seen = await bob.take(5);
    bob.terminate();
    for (let n = 10; n < 200; n++) await mesh.emit('chat.message', n);

    const again = await app.login('bob');
    again.sendJson({ type: 'subscribe', patterns: ['chat.*'], since: seen.at(-1)?.cursor });
    expect(await again.next()).toMatchObject({ type: 'subscribed', cursor: seen.at(-1)?.cursor });
    const rest = await again.take(195);

    expect([...seen, ...rest].map(({ event }) => event.data)).toEqual([...Array(200).keys()]);
  });
});
