import { Injectable, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Clock,
  EventSigner,
  NonceStore,
  RateLimiter,
  SecureGateway,
  SemanticEventsConfigError,
  SemanticEventsModule,
  type SemanticEventsOptions,
  SignedEvent,
} from '../../lib/index.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';

const OPTIONS: SemanticEventsOptions = {
  signing: { keys: [RING_KEY], source: 'configured' },
  auth: { jwt: { secret: JWT_SECRET } },
};

@Injectable()
class Settings {
  readonly source = 'configured';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class OptionsFactory {
  constructor(private readonly settings: Settings) {}

  async createSemanticEventsOptions(): Promise<SemanticEventsOptions> {
    return { ...OPTIONS, signing: { keys: [RING_KEY], source: this.settings.source } };
  }
}

@Module({
  imports: [SettingsModule],
  providers: [OptionsFactory],
  exports: [OptionsFactory],
})
class FactoryModule {}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  @SignedEvent()
  echo() {
    return 'echo';
  }
}

/** A module as applications have them, with a gateway and what it imports. */
function feature(imports: object[]): Type {
  @Module({ imports: imports as [], providers: [EchoGateway] })
  class FeatureModule {}
  return FeatureModule;
}

describe('SemanticEventsModule', () => {
  it.each([
    ['forRoot', SemanticEventsModule.forRoot(OPTIONS)],
    [
      'forRootAsync with useFactory and inject',
      SemanticEventsModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async ({ source }: Settings) => ({
          ...OPTIONS,
          signing: { keys: [RING_KEY], source },
        }),
      }),
    ],
    [
      'forRootAsync with useClass',
      SemanticEventsModule.forRootAsync({ imports: [SettingsModule], useClass: OptionsFactory }),
    ],
    [
      'forRootAsync with useExisting',
      SemanticEventsModule.forRootAsync({ imports: [FactoryModule], useExisting: OptionsFactory }),
    ],
  ])('%s protects a gateway as it is told', async (_, module) => {
    const client = await (await TestApp.start({ gateways: [EchoGateway], module })).login();
    client.emit('echo');
    const { event } = await client.next();
    expect(event).toMatchObject({ type: 'echo.reply', source: 'configured' });
    expect(client.verifies(event)).toBe(true);
  });

  const compile = (...imports: object[]) =>
    Test.createTestingModule({ imports: imports as [] }).compile();

  it.each([
    ['forRoot', (isGlobal?: boolean) => SemanticEventsModule.forRoot({ ...OPTIONS, isGlobal })],
    [
      'forRootAsync',
      (isGlobal?: boolean) =>
        SemanticEventsModule.forRootAsync({ useFactory: () => OPTIONS, isGlobal }),
    ],
  ])('%s is seen by modules that do not import it only if it is global', async (_, make) => {
    await expect(compile(make(true), feature([]))).resolves.toBeDefined();
    const own = make(false);
    await expect(compile(own, feature([]))).rejects.toThrow(/can't resolve dependencies/);
    await expect(compile(own, feature([own]))).resolves.toBeDefined();
  });

  it('is global where nothing is said about it', async () => {
    await expect(
      compile(SemanticEventsModule.forRoot(OPTIONS), feature([])),
    ).resolves.toBeDefined();
  });

  it('has providers take the place of its own', async () => {
    const used: string[] = [];
    class RecordingStore extends NonceStore {
      async use(key: string): Promise<boolean> {
        used.push(key);
        return used.length === 1;
      }
    }
    const providers = [{ provide: NonceStore, useClass: RecordingStore }];
    const app = await TestApp.start({
      gateways: [EchoGateway],
      module: SemanticEventsModule.forRoot({ ...OPTIONS, providers }),
    });
    const client = await app.login();
    const { semanticnonce } = client.emit('echo');
    expect((await client.next()).type).toBe('event');
    client.emit('echo');
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
    expect(used[0]).toBe(`${client.signing!.key_id}:${semanticnonce}`);
  });

  it('takes its time from the Clock, which can be replaced', async () => {
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
  ])('%s with wrong options does not start, and says everything at once', async (_, make) => {
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
  });
});
