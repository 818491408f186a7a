import { jest } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Authorization,
  Authorize,
  RateLimit,
  RateLimiter,
  SecureGateway,
  SignedEvent,
  SkipRateLimit,
} from '../../lib/index.js';
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
    ['applies to each handler separately', ['one', 'two'], 0],
    ['charges an event once', ['one', 'one'], 1],
    ['is overridden by the one on a handler', ['wide', 'wide', 'wide', 'wide'], 1],
    ['does not apply to a handler with @SkipRateLimit()', Array<string>(20).fill('free'), 0],
  ])('%s', async (_, types, refused) => {
    const client = await (await TestApp.start({ gateways: [LimitedGateway] })).login();
    for (const type of types) client.emit(type);
    const answers = await client.take(types.length);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(refused);
    expect(answers.filter(({ type }) => type === 'event')).toHaveLength(types.length - refused);
  });

  it('does not count for another gateway of the same class name', async () => {
    const versions = ['/v1', '/v2'].map((path, version) => {
      @WebSocketGateway({ path })
      @SecureGateway()
      class ReportGateway {
        @SubscribeMessage('report')
        @RateLimit({ rate: 1, per: version === 0 ? 3_600_000 : 1_000 })
        report() {
          return version;
        }
      }
      return ReportGateway;
    });
    const app = await TestApp.start({ gateways: versions });
    const [one, two] = [await app.login('alice', '/v1'), await app.login('alice', '/v2')];
    for (const client of [one, two]) {
      client.emit('report');
      expect((await client.next()).type).toBe('event');
    }
  });

  it('does not count for another handler whose method a decorator has replaced', async () => {
    const Traced = (): MethodDecorator => (_target, _key, descriptor) => {
      const method = descriptor.value as unknown as () => unknown;
      const traced = function (this: unknown) {
        return method.call(this);
      };
      return { ...descriptor, value: traced as never };
    };
    @WebSocketGateway({ path: '/traced' })
    @SecureGateway()
    class TracedGateway {
      @SubscribeMessage('one')
      @RateLimit({ rate: 1, per: 3_600_000 })
      @Traced()
      one() {
        return 'one';
      }

      @SubscribeMessage('two')
      @RateLimit({ rate: 1, per: 3_600_000 })
      @Traced()
      two() {
        return 'two';
      }
    }
    const client = await (
      await TestApp.start({ gateways: [TracedGateway] })
    ).login('alice', '/traced');
    for (const type of ['one', 'two', 'two']) client.emit(type);
    const answers = await client.take(3);
    expect(answers.filter(({ type }) => type === 'event')).toHaveLength(2);
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

describe('a flood over the limit of a handler', () => {
  it("is rejected without Nest, in Nest's frame format and with the id of each event", async () => {
    const app = await TestApp.start({ gateways: [LimitedGateway] });
    const begin = jest.spyOn(app.nest.get(RateLimiter), 'begin');
    const client = await app.login();
    const send = async () => {
      const event = client.event('two');
      client.sendJson({ type: 'event', event });
      const { code, id } = await client.next();
      return [code, id === event.id];
    };
    await send();
    for (let count = 0; count < 3; count++) expect(await send()).toEqual(['RATE_LIMITED', true]);
    const event = client.event('two');
    client.sendJson({ event: 'two', data: event });
    expect(await client.next()).toMatchObject({
      event: 'exception',
      data: { code: 'RATE_LIMITED', id: event.id },
    });
    const isOfTwo = ([key]: Parameters<RateLimiter['begin']>) =>
      JSON.stringify(key).includes('two');
    expect(begin.mock.calls.filter(isOfTwo)).toHaveLength(2);
  });

  it('does not stop another handler of the same event', async () => {
    const calls: string[] = [];
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class SecondGateway {
      @SubscribeMessage('two')
      two() {
        calls.push('second');
      }
    }
    const app = await TestApp.start({ gateways: [LimitedGateway, SecondGateway] });
    const client = await app.login();
    for (let count = 0; count < 5; count++) client.emit('two');
    const answers = await client.take(5);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(4);
    expect(calls).toHaveLength(5);
  });
});

describe('a rate limit that several users share', () => {
  const MEMBERS = ['alice', 'bob'];
  const isMember: Authorization = ({ user }) => MEMBERS.includes(String(user?.id));
  const room = () => 'room';

  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class OnHandler {
    @SubscribeMessage('say')
    @SignedEvent()
    @RateLimit({ rate: 2, per: 3_600_000, by: room })
    @Authorize(isMember)
    say() {
      return 'said';
    }
  }

  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  @RateLimit({ rate: 2, per: 3_600_000, by: 'address' })
  class OnGateway {
    @SubscribeMessage('say')
    @SignedEvent()
    @Authorize(isMember)
    say() {
      return 'said';
    }
  }

  it.each([OnHandler, OnGateway])(
    'is not used up by clients that may not call the handler: %p',
    async gateway => {
      const app = await TestApp.start({ gateways: [gateway] });
      const [alice, mallory] = [await app.login('alice'), await app.login('mallory')];
      for (let attempt = 0; attempt < 10; attempt++) {
        mallory.emit('say');
        expect((await mallory.next()).code).toBe('FORBIDDEN');
      }
      const forged = { ...alice.event('say'), data: 'forged' };
      for (let attempt = 0; attempt < 5; attempt++) {
        alice.sendJson({ type: 'event', event: forged });
        expect((await alice.next()).code).toBe('INVALID_SIGNATURE');
      }
      const bob = await app.login('bob');
      for (const member of [alice, bob]) {
        member.emit('say');
        expect((await member.next()).event.data).toBe('said');
      }
      alice.emit('say');
      expect((await alice.next()).code).toBe('RATE_LIMITED');
    },
  );
});
