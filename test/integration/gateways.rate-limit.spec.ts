import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { RateLimit, SecureGateway, SignedEvent, SkipRateLimit } from '../../lib/index.js';
import { TestApp } from '../helpers/test-app.js';

@WebSocketGateway({ path: '/events' })
@SecureGateway()
@RateLimit({ rate: 1, per: 3_600_000 })
class LimitedGateway {
  @SubscribeMessage('one')
  @SignedEvent()
  one() {
    return 'one';
  }

  @SubscribeMessage('two')
  two() {
    return 'two';
  }

  @SubscribeMessage('wide')
  @RateLimit({ rate: 3, per: 3_600_000 })
  wide() {
    return 'wide';
  }

  @SubscribeMessage('free')
  @SkipRateLimit()
  free() {
    return 'free';
  }
}

describe('a rate limit on a gateway', () => {
  it.each([
    ['holds for each handler by itself', ['one', 'two'], 0],
    ['charges an event once', ['one', 'one'], 1],
    ['gives way to the one on a handler', ['wide', 'wide', 'wide', 'wide'], 1],
    ['spares a handler with @SkipRateLimit()', Array<string>(20).fill('free'), 0],
  ])('%s', async (_, types, refused) => {
    const client = await (await TestApp.start({ gateways: [LimitedGateway] })).login();
    for (const type of types) client.emit(type);
    const answers = await client.take(types.length);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(refused);
    expect(answers.filter(({ type }) => type === 'event')).toHaveLength(types.length - refused);
  });

  it('follows a user to another connection', async () => {
    const app = await TestApp.start({ gateways: [LimitedGateway] });
    const [one, other, bob] = [await app.login(), await app.login(), await app.login('bob')];
    one.emit('two');
    expect((await one.next()).type).toBe('event');
    other.emit('two');
    expect((await other.next()).code).toBe('RATE_LIMITED');
    bob.emit('two');
    expect((await bob.next()).type).toBe('event');
  });
});
