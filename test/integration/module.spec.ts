import { type DynamicModule, Injectable, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  SecureGateway,
  SemanticEventsModule,
  type SemanticEventsOptions,
  SignedEvent,
} from '../../lib/index.js';
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

/** An application module with a gateway and its imports. */
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
  ])('%s protects a gateway as configured', async (_, module) => {
    const client = await (await TestApp.start({ gateways: [EchoGateway], module })).login();
    client.emit('echo');
    const { event } = await client.next();
    expect(event).toMatchObject({ type: 'echo.reply', source: 'configured' });
    expect(client.verifies(event)).toBe(true);
  });

  it.each([undefined, null, 'production'])(
    'stops the start with one error if its options are %p',
    async options => {
      const useFactory = () => options as never;
      await expect(
        compile(SemanticEventsModule.forRootAsync({ useFactory })),
      ).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        problems: [expect.stringContaining(`has ${options} instead of options`)],
      });
    },
  );

  const compile = (...imports: object[]) =>
    Test.createTestingModule({ imports: imports as [] }).compile();

  it.each([
    ['forRoot', (isGlobal?: boolean) => SemanticEventsModule.forRoot({ ...OPTIONS, isGlobal })],
    [
      'forRootAsync',
      (isGlobal?: boolean) =>
        SemanticEventsModule.forRootAsync({ useFactory: () => OPTIONS, isGlobal }),
    ],
  ])('%s is visible to modules that do not import it only if it is global', async (_, make) => {
    await expect(compile(make(true), feature([]))).resolves.toBeDefined();
    const own = make(false);
    await expect(compile(own, feature([]))).rejects.toThrow(/can't resolve dependencies/);
    await expect(compile(own, feature([own]))).resolves.toBeDefined();
  });

  it('is global by default', async () => {
    await expect(
      compile(SemanticEventsModule.forRoot(OPTIONS), feature([])),
    ).resolves.toBeDefined();
  });

  it('without forRoot() stops the start, and the error says what to import', async () => {
    for (const root of [SemanticEventsModule, SemanticEventsModule.forRoot(OPTIONS)])
      await expect(
        compile(root as DynamicModule, feature([SemanticEventsModule])),
      ).rejects.toMatchObject({
        problems: [expect.stringMatching(/without forRoot\(\): import .* in the root module/)],
      });
  });

  it('may be imported several times, but a second instance stops the start', async () => {
    const module = SemanticEventsModule.forRoot(OPTIONS);
    const start = (other: DynamicModule) =>
      TestApp.start({ gateways: [EchoGateway], module, imports: [other] });
    await expect(start(SemanticEventsModule.forRoot(OPTIONS))).rejects.toThrow(
      /SemanticEventsModule\.forRoot\(\) .*, once/,
    );
    const client = await (await start(module)).login();
    client.emit('echo');
    expect((await client.next()).event.type).toBe('echo.reply');
  });
});
