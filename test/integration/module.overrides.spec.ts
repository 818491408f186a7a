import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Clock,
  EventAuthorizer,
  EventSigner,
  NonceStore,
  RateLimiter,
  SemanticEventsConfigError,
  SemanticEventsModule,
  type SemanticEventsOptions,
  type MessageHandler,
  Telemetry,
  type TimedOperation,
} from '../../lib/index.js';
import { emitByRing } from '../helpers/by-ring.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';

const OPTIONS: SemanticEventsOptions = {
  signing: { keys: [RING_KEY] },
  auth: { jwt: { secret: JWT_SECRET } },
};

const compile = (module: ReturnType<typeof SemanticEventsModule.forRoot>) =>
  Test.createTestingModule({ imports: [module] }).compile();

/** Telemetry of an application that sends its measurements elsewhere. */
class OwnTelemetry extends Telemetry {
  readonly handlers: string[] = [];
  isWatching = false;

  timed<A extends unknown[], R>(_: TimedOperation, call: (...args: A) => R) {
    return call;
  }

  handled(message: string, handler: MessageHandler): MessageHandler {
    return data => {
      this.handlers.push(message);
      return handler(data, message);
    };
  }

  watch() {
    this.isWatching = true;
    return () => {
      this.isWatching = false;
    };
  }
}

describe('telemetry', () => {
  it.each(['as an option', 'by injection'])(
    'can be any implementation that is given %s',
    async way => {
      const telemetry = new OwnTelemetry();
      const given =
        way === 'as an option'
          ? { telemetry }
          : { providers: [{ provide: Telemetry, useValue: telemetry }] };
      const module = SemanticEventsModule.forRoot({ ...OPTIONS, ...given });
      const app = await TestApp.start({ gateways: [DemoGateway], module });
      const client = await app.login();
      client.emit('demo.echo', 1);
      await client.next();
      expect(telemetry.handlers).toEqual(['demo.echo']);
      expect(telemetry.isWatching).toBe(true);
      await app.stop();
      expect(telemetry.isWatching).toBe(false);
    },
  );

  it.each([true, {}, 'opentelemetry', null])('is rejected at start if it is %p', async given => {
    const options = { ...OPTIONS, telemetry: given } as never;
    await expect(compile(SemanticEventsModule.forRoot(options))).rejects.toThrow(
      /telemetry must be a Telemetry/,
    );
  });
});

describe('SemanticEventsModule', () => {
  it('replaces its own providers with given ones', async () => {
    const used: string[] = [];
    class RecordingStore extends NonceStore {
      async use(key: string): Promise<boolean> {
        used.push(key);
        return used.length === 1;
      }
    }
    const providers = [{ provide: NonceStore, useClass: RecordingStore }];
    const app = await TestApp.start({
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({ ...OPTIONS, providers }),
    });
    const client = await app.login();
    const { semanticnonce } = emitByRing(client, 'demo.echo', 1);
    expect((await client.next()).type).toBe('event');
    emitByRing(client, 'demo.echo', 1);
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
    expect(used[0]).toMatch(/^[\w-]{22}:/);
    expect(used[0]!.endsWith(`:${semanticnonce}`)).toBe(true);
  });

  it('rejects a port provided where only some classes would find it, and names each', async () => {
    class DenyAll extends EventAuthorizer {
      canPublish = () => false;
      canSubscribe = () => false;
    }
    @Global()
    @Module({
      providers: [
        { provide: EventAuthorizer, useClass: DenyAll },
        { provide: NonceStore, useValue: {} },
      ],
      exports: [EventAuthorizer],
    })
    class Ports {}
    const start = Test.createTestingModule({
      imports: [Ports, SemanticEventsModule.forRoot(OPTIONS)],
    })
      .compile()
      .then(module => module.init());
    await expect(start).rejects.toThrow(SemanticEventsConfigError);
    await expect(start).rejects.toThrow(/EventAuthorizer of Ports.*\n.*NonceStore of Ports/);
    const providers = [{ provide: EventAuthorizer, useClass: DenyAll }];
    await expect(
      compile(SemanticEventsModule.forRoot({ ...OPTIONS, providers })).then(module =>
        module.init(),
      ),
    ).resolves.toBeDefined();
  });

  it('uses the Clock, which can be replaced', async () => {
    const clock = new FakeClock(Date.now());
    const providers = [{ provide: Clock, useValue: clock }];
    const module = await compile(SemanticEventsModule.forRoot({ ...OPTIONS, providers }));
    const signer = module.get(EventSigner);
    const event = signer.sign({ type: 'a', source: 's' }, { direction: 'c2s' });
    expect(Date.parse(event.time)).toBe(clock.now());
    expect(signer.verify(event)).toBe('main');
    clock.advance(300_001);
    expect(() => signer.verify(event)).toThrow(expect.objectContaining({ code: 'EVENT_EXPIRED' }));

    const limit = { rate: 1, per: 1_000 };
    const take = async () => (await module.get(RateLimiter).take('key', limit)).allowed;
    expect([await take(), await take()]).toEqual([true, false]);
    clock.advance(1_000);
    expect(await take()).toBe(true);
  });

  it.each([
    ['forRoot', (options: SemanticEventsOptions) => SemanticEventsModule.forRoot(options)],
    [
      'forRootAsync',
      (options: SemanticEventsOptions) =>
        SemanticEventsModule.forRootAsync({ useFactory: () => options }),
    ],
  ])(
    '%s with invalid options does not start, and reports every problem at once',
    async (_, make) => {
      const wrong = {
        signing: { keys: [{ id: 's-1', secret: 'short' }], maxAge: -1 },
        auth: {},
        connection: { messageRate: 0, maxMesageSize: 1 },
        surprise: true,
      } as unknown as SemanticEventsOptions;
      const start = compile(make(wrong));
      await expect(start).rejects.toThrow(SemanticEventsConfigError);
      const { message, problems } = (await start.catch((error: unknown) => error)) as {
        message: string;
        problems: string[];
      };
      for (const path of [
        'signing.keys[0].id',
        'signing.keys[0].secret',
        'signing.maxAge',
        'auth',
        'connection.messageRate',
        'connection.maxMesageSize',
        'surprise',
      ])
        expect(problems.filter(problem => problem.startsWith(`${path} `))).toHaveLength(1);
      expect(message.split('\n  - ')).toHaveLength(problems.length + 1);
      expect(message).not.toContain('short');
    },
  );
});
