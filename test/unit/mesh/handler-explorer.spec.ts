import { Controller, Injectable, Module, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  EventMesh,
  OnSemanticEvent,
  SemanticEventsConfigError,
  SemanticEventsModule,
} from '../../../lib/index.js';
import { JWT_SECRET, RING_KEY } from '../../helpers/test-app.js';

const seen: unknown[] = [];
let close: (() => Promise<void>) | undefined;

beforeEach(() => {
  seen.length = 0;
});
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function start(metadata: { providers?: unknown[]; controllers?: unknown[] }) {
  @Module(metadata as object)
  class Elsewhere {}
  const module = await Test.createTestingModule({
    imports: [
      SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
      }),
      Elsewhere,
    ],
  }).compile();
  close = () => module.close();
  await module.init();
  return module.get(EventMesh, { strict: false });
}

@Injectable()
class Base {
  readonly name: string = 'base';

  @OnSemanticEvent('base.*')
  onBase({ data }: { data?: unknown }) {
    seen.push([this.name, 'onBase', data]);
  }

  @OnSemanticEvent('base.*')
  overridden() {
    seen.push([this.name, 'not reached']);
  }

  @OnSemanticEvent('base.*')
  decoratedAgain() {
    seen.push([this.name, 'not reached']);
  }
}

@Injectable()
class Derived extends Base {
  override readonly name = 'derived';

  override overridden() {
    seen.push([this.name, 'not reached either']);
  }

  @OnSemanticEvent('derived')
  override decoratedAgain() {
    seen.push([this.name, 'decoratedAgain']);
  }
}

describe('@OnSemanticEvent', () => {
  it('finds methods of providers, controllers and gateways, and calls them on their instance', async () => {
    @Injectable()
    class Service {
      private readonly name = 'service';
      @OnSemanticEvent('x')
      handle() {
        seen.push(this.name);
      }
    }
    @Controller('c')
    class AController {
      private readonly name = 'controller';
      @OnSemanticEvent('x')
      handle() {
        seen.push(this.name);
      }
    }
    @WebSocketGateway()
    class Gateway {
      private readonly name = 'gateway';
      @OnSemanticEvent('x')
      handle() {
        seen.push(this.name);
      }
    }
    const mesh = await start({ providers: [Service, Gateway], controllers: [AController] });
    await mesh.emit('x', 1);
    expect(seen.sort()).toEqual(['controller', 'gateway', 'service']);
    expect(mesh.stats().handlers).toBe(3);
  });

  it('finds methods of factory and value providers once, however many tokens they have', async () => {
    class Made {
      constructor(private readonly name: string) {}
      @OnSemanticEvent('x')
      handle() {
        seen.push(this.name);
      }
    }
    const mesh = await start({
      providers: [
        { provide: 'factory', useFactory: () => new Made('factory') },
        { provide: 'later', useFactory: () => Promise.resolve(new Made('later')) },
        { provide: 'value', useValue: new Made('value') },
        { provide: Symbol('alias'), useExisting: 'value' },
        { provide: 'nothing', useValue: null },
        { provide: 'bare', useValue: Object.create(null) as object },
        { provide: 'text', useValue: 'text' },
        { provide: 'function', useValue: () => 1 },
      ],
    });
    await mesh.emit('x', 1);
    expect(seen.sort()).toEqual(['factory', 'later', 'value']);
  });

  it('is inherited, but not by a method that overrides the decorated one', async () => {
    const mesh = await start({ providers: [Derived] });
    await mesh.emit('base.a', 7);
    await mesh.emit('derived', 8);
    expect(seen).toEqual([
      ['derived', 'onBase', 7],
      ['derived', 'decoratedAgain'],
    ]);
  });

  it('may be repeated, and calls the method once per decorator that matches', async () => {
    @Injectable()
    class Service {
      @OnSemanticEvent(['a.*', '*.b', 'a.b'])
      @OnSemanticEvent('c', { filter: ({ data }) => data === 1 })
      handle({ type, data }: { type: string; data?: unknown }) {
        seen.push([type, data]);
      }
    }
    const mesh = await start({ providers: [Service] });
    for (const [type, data] of [
      ['a.b', 0],
      ['c', 0],
      ['c', 1],
      ['d', 1],
    ] as const)
      await mesh.emit(type, data);
    expect(seen).toEqual([
      ['a.b', 0],
      ['c', 1],
    ]);
  });

  it('calls handlers in the order of their priority, highest first', async () => {
    @Injectable()
    class Service {
      @OnSemanticEvent('x')
      middle() {
        seen.push('middle');
      }
      @OnSemanticEvent('**', { priority: -1 })
      last() {
        seen.push('last');
      }
      @OnSemanticEvent('*', { priority: 1.5 })
      first() {
        seen.push('first');
      }
    }
    const mesh = await start({ providers: [Service] });
    await mesh.emit('x', 1);
    expect(seen).toEqual(['first', 'middle', 'last']);
  });

  it('rejects providers that are not singletons at start-up, and names each', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @OnSemanticEvent('x')
      one() {
        return 1;
      }
      @OnSemanticEvent('x')
      two() {
        return 2;
      }
      harmless() {
        return 3;
      }
    }
    @Injectable()
    class Dependent {
      constructor(readonly other: PerRequest) {}
      @OnSemanticEvent('x')
      three() {
        return 3;
      }
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @OnSemanticEvent('x')
      four() {
        return 4;
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Undecorated {
      five() {
        return 5;
      }
    }
    const starting = start({ providers: [PerRequest, Dependent, Transient, Undecorated] });
    const error = await starting.then(
      () => undefined,
      (reason: unknown) => reason as SemanticEventsConfigError,
    );
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    expect(error?.problems.map(problem => problem.split(':')[0]).sort()).toEqual([
      'Dependent.three',
      'PerRequest.one',
      'PerRequest.two',
      'Transient.four',
    ]);
  });
});

describe('@OnSemanticEvent arguments', () => {
  const problemsOf = (patterns: unknown, options?: unknown) => {
    try {
      OnSemanticEvent(patterns as string, options as object);
      return [];
    } catch (error) {
      return (error as SemanticEventsConfigError).problems;
    }
  };

  it.each(['', '.', 'a..b', 'a.*b', 7, null, undefined, [], ['a', ''], {}])(
    'reject the pattern %j',
    patterns => {
      expect(problemsOf(patterns)).toHaveLength(1);
    },
  );

  it.each([
    { priority: NaN },
    { priority: '1' },
    { timeout: 0 },
    { timeout: 2 ** 31 },
    { timeout: 1.5 },
    { retries: -1 },
    { retries: 101 },
    { concurrency: 0 },
    { concurrency: Infinity },
    { filter: 'x' },
    { retry: 1 },
    null,
    [],
  ])('reject the options %j', options => {
    expect(problemsOf('a', options)).toHaveLength(1);
  });

  it('report every problem at once', () => {
    expect(problemsOf(['', 'a.'], { timeout: 0, retries: -1, other: 1 })).toHaveLength(5);
  });

  it('accept valid patterns and options', () => {
    const options = { priority: -1, timeout: 1, retries: 0, concurrency: 1, filter: () => true };
    expect(problemsOf(['a.**.b', '*'], options)).toEqual([]);
  });
});
