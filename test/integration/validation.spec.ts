import { Injectable, ParseArrayPipe, type Type, UsePipes, ValidationPipe } from '@nestjs/common';
import { validationOf } from '../../lib/handler/index.js';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Type as Make, Transform } from 'class-transformer';
import {
  Allow,
  IsArray,
  IsInstance,
  IsInt,
  IsNotIn,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { z } from 'zod';
import {
  Client,
  CurrentClient,
  EventData,
  EventDataPipe,
  SecureGateway,
  type SemanticEvent,
  SemanticEventBody,
  SemanticEventsConfigError,
} from '../../lib/index.js';
import { TestApp, type TestAppOptions } from '../helpers/test-app.js';

class Bare {
  amount?: number;
}

class OnlyOptional {
  @IsOptional()
  @Allow()
  amount?: number;
}

class Transfer {
  @IsInt()
  @IsPositive()
  amount!: number;
}

class Extended extends Transfer {}

/** Creates a gateway with one handler, which has one parameter. */
function gatewayWith(parameter: ParameterDecorator, type: unknown, ...pipes: unknown[]): Type {
  class PayGateway {
    pay(_data: unknown) {
      return 'paid';
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(PayGateway.prototype, 'pay')!;
  Reflect.defineMetadata('design:paramtypes', [type], PayGateway.prototype, 'pay');
  parameter(PayGateway.prototype, 'pay', 0);
  SubscribeMessage('pay')(PayGateway.prototype, 'pay', descriptor);
  SecureGateway()(PayGateway);
  WebSocketGateway({ path: '/events' })(PayGateway);
  if (pipes.length > 0) UsePipes(...(pipes as ValidationPipe[]))(PayGateway);
  return PayGateway;
}

async function problemsOf(gateway: Type, setup: Partial<TestAppOptions> = {}) {
  try {
    await TestApp.start({ gateways: [gateway], options: { audit: 'off' }, ...setup });
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SemanticEventsConfigError);
    return (error as SemanticEventsConfigError).problems;
  }
}

class Address {
  @IsString()
  street!: string;
}

class WithoutNested {
  @IsObject()
  address!: Address;
}

class OptionalWithoutNested {
  @IsInt()
  amount!: number;

  @IsOptional()
  address?: Address;
}

class OptionalObjectWithoutNested {
  @IsOptional()
  @IsObject()
  @Make(() => Address)
  address?: Address;
}

class AllowedWithoutNested {
  @IsInt()
  amount!: number;

  @Allow()
  address!: Address;
}

class ConditionalWithoutNested {
  @ValidateIf(() => true)
  @IsNotIn([null])
  address!: Address;
}

class OptionalListWithoutNested {
  @IsOptional()
  @IsArray()
  @Make(() => Address)
  addresses?: Address[];
}

class WithoutType {
  @ValidateNested()
  address!: Address;
}

class ListWithoutType {
  @ValidateNested({ each: true })
  addresses!: Address[];
}

class ListWithoutNested {
  @Make(() => Address)
  @IsArray()
  addresses!: Address[];
}

class Undecorated {
  @ValidateNested()
  @Make(() => Bare)
  inner!: Bare;
}

class Deep {
  @ValidateNested()
  @Make(() => Undecorated)
  inner!: Undecorated;
}

class Money {
  constructor(readonly cents: number) {}
}

class Whole {
  @ValidateNested()
  @Make(() => Address)
  address!: Address;

  @ValidateNested({ each: true })
  @Make(() => Address)
  addresses!: Address[];

  @Transform(({ value }: { value: string }) => new Money(Number(value.trim())))
  @IsInstance(Money)
  price!: Money;

  @ValidateNested()
  @Make(() => Whole)
  self?: Whole;

  @IsOptional()
  @Transform(() => new Money(0))
  fee?: Money;

  @IsOptional()
  note?: string;
}

class OnlyInstance {
  @IsInstance(Transfer)
  @Make(() => Transfer)
  transfer!: Transfer;
}

class WithSubtypes {
  @ValidateNested()
  @Make(() => Transfer, {
    discriminator: { property: 'kind', subTypes: [{ value: Bare, name: 'bare' }] },
  })
  transfer!: Transfer;
}

describe('an application does not start, on any adapter, with a parameter of @EventData()', () => {
  it.each<[string, unknown, RegExp]>([
    ['a class without decorators', Bare, /^PayGateway\.pay: @EventData\(\) .* class Bare has no/],
    ['a class whose decorators validate nothing', OnlyOptional, /OnlyOptional has no decorators/],
    ['an array, whose items have no type', Array, /Array, which says nothing about its items/],
    ['a type that JSON does not have', Date, /Date, which JSON does not have/],
    ['a type of Node', Buffer, /Buffer, which JSON does not have/],
    ['a nested class without @ValidateNested()', WithoutNested, /address .* no @ValidateNested/],
    ['an optional class', OptionalWithoutNested, /address .* no @ValidateNested/],
    ['an optional object', OptionalObjectWithoutNested, /address .* no @ValidateNested/],
    ['an allowed class', AllowedWithoutNested, /address .* no @ValidateNested/],
    ['a class with a condition', ConditionalWithoutNested, /address .* no @ValidateNested/],
    ['an optional list of classes', OptionalListWithoutNested, /addresses .* no @ValidateN/],
    ['a nested class without @Type()', WithoutType, /WithoutType.address .* no @Type/],
    ['nested classes without @Type()', ListWithoutType, /addresses .* no @Type/],
    ['nested classes without @ValidateNested()', ListWithoutNested, /addresses .* no @ValidateN/],
    ['a nested class with @IsInstance() only', OnlyInstance, /transfer .* no @ValidateNested/],
    ['a subtype of a discriminator without decorators', WithSubtypes, /class Bare has no/],
    ['a nested class without decorators', Undecorated, /class Bare has no/],
    ['the same, one level deeper', Deep, /class Bare has no/],
  ])('of %s', async (_, type, problem) => {
    for (const adapter of [undefined, WsAdapter])
      expect(await problemsOf(gatewayWith(EventData(), type), { adapter })).toEqual([
        expect.stringMatching(problem),
      ]);
  });
});

it.each<[string, unknown]>([
  ['a class with decorators', Transfer],
  ['a class that inherits them', Extended],
  ['classes within classes that are all validated', Whole],
  ['a string', String],
  ['bytes', Uint8Array],
  ['what nothing is known of, which the checklist names', Object],
  ['no type at all, as some compilers leave it', undefined],
])('an application starts with a parameter of %s', async (_, type) => {
  expect(await problemsOf(gatewayWith(EventData(), type))).toEqual([]);
});

describe('a pipe that the application attaches', () => {
  class OwnPipe {
    transform(value: unknown) {
      return value;
    }
  }

  it.each<[string, ParameterDecorator, unknown, unknown[]]>([
    ['a schema', EventData(z.object({})), Bare, []],
    ['a pipe of its own on the parameter', EventData(new OwnPipe()), Bare, []],
    ['the class of a pipe', EventData(OwnPipe), Bare, []],
    ['a pipe of its own on the gateway', EventData(), Bare, [new OwnPipe()]],
    ['ParseArrayPipe', EventData(new ParseArrayPipe({ items: Transfer })), Array, []],
    ['ValidationPipe for a message', MessageBody(), Transfer, [new ValidationPipe()]],
    ['ValidationPipe on a message', MessageBody(new ValidationPipe()), Transfer, []],
    [
      'ValidationPipe with a type',
      EventData(new ValidationPipe({ expectedType: Transfer, validateCustomDecorators: true })),
      Bare,
      [],
    ],
  ])('validates instead of the type: %s', async (_, parameter, type, pipes) => {
    expect(await problemsOf(gatewayWith(parameter, type, ...pipes))).toEqual([]);
  });

  it.each<[string, unknown, boolean]>([
    ['with items', new ParseArrayPipe({ items: Transfer }), true],
    ['without items, which accepts any', new ParseArrayPipe(), false],
    ['as a class', ParseArrayPipe, false],
  ])('counts as validation if it checks the items of a list: ParseArrayPipe %s', (...given) => {
    const [, pipe, isValidated] = given;
    const gateway = gatewayWith(MessageBody(pipe as ParseArrayPipe), Array);
    const means = { classes: undefined, globalPipes: [] };
    expect(validationOf(gateway, 'pay', means).isValidated).toBe(isValidated);
  });

  it.each<[string, ParameterDecorator, unknown, unknown[], RegExp]>([
    [
      'a class at a message',
      MessageBody(),
      Transfer,
      [],
      /@MessageBody\(\) has the class Transfer/,
    ],
    ['a class at an event', SemanticEventBody(), Transfer, [], /receive the data by @EventData/],
    [
      'ValidationPipe at an event, which it skips',
      SemanticEventBody(),
      Transfer,
      [new ValidationPipe()],
      /no ValidationPipe/,
    ],
    ['a bare class behind ValidationPipe', MessageBody(), Bare, [ValidationPipe], /Bare has no/],
  ])('is rejected if it validates nothing: %s', async (_, parameter, type, pipes, problem) => {
    expect(await problemsOf(gatewayWith(parameter, type, ...pipes))).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it('counts if it is global only for messages, if Nest runs global pipes before gateways', async () => {
    const prepare: TestAppOptions['prepare'] = app => {
      app.useGlobalPipes(new ValidationPipe());
    };
    expect(await problemsOf(gatewayWith(MessageBody(), Transfer), { prepare })).toEqual([]);
    expect(await problemsOf(gatewayWith(EventData(), Bare), { prepare })).toHaveLength(1);
    expect(await problemsOf(gatewayWith(SemanticEventBody(), Transfer), { prepare })).toHaveLength(
      1,
    );
  });
});

it('names every such parameter of every gateway at once', async () => {
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class TwoGateway {
    @SubscribeMessage('one')
    one(@SemanticEventBody() event: SemanticEvent, @EventData() data: Bare) {
      return [event.id, data.amount];
    }

    @SubscribeMessage('bare')
    bare(_socket: unknown, data: Transfer) {
      return data.amount;
    }
  }
  expect(await problemsOf(TwoGateway)).toEqual([
    expect.stringMatching(/^TwoGateway\.one: @EventData\(\)/),
    expect.stringMatching(/^TwoGateway\.bare: the message has the class Transfer/),
  ]);
});

it('an application does not start with a parameter whose decorator was forgotten', async () => {
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class ForgetfulGateway {
    @SubscribeMessage('client')
    client(@EventData() data: Transfer, client: Client, limit = new Transfer()) {
      return [data, client.user, limit];
    }

    @SubscribeMessage('data')
    data(data: Transfer, @CurrentClient() client: Client) {
      return [data, client.user];
    }

    @SubscribeMessage('both')
    both(client: Client) {
      return client.user;
    }
  }
  expect(await problemsOf(ForgetfulGateway)).toEqual([
    'ForgetfulGateway.client: parameter 2 (Client) has no decorator, so Nest passes undefined: add @CurrentClient()',
    'ForgetfulGateway.data: parameter 1 (Transfer) has no decorator, so Nest passes undefined: add one, such as @EventData()',
    'ForgetfulGateway.both: parameter 1 (Client) has no decorator, so Nest passes the socket: add @CurrentClient()',
  ]);
});

describe('a parameter decorator rejects at definition', () => {
  const likeZod3 = { parse: () => ({}), safeParse: () => ({}), transform: () => ({}) };
  const likeJoi = { validate: () => ({}) };
  const likeYup = { cast: () => ({}), validate: () => ({}), transform: () => ({}) };
  class LikeZodSchema {
    parse() {
      return {};
    }
    transform() {
      return {};
    }
  }
  @Injectable()
  class ParsingPipe extends LikeZodSchema {}

  it.each<[string, unknown]>([
    ['zod before 3.24', likeZod3],
    ['joi before 18', likeJoi],
    ['yup before 1.7', likeYup],
    ['an instance of a class with parse and transform', new LikeZodSchema()],
    ['that class', LikeZodSchema],
    ['a schema that claims to be one', { '~standard': { version: 1 } }],
    ['a schema of a later version', { '~standard': { version: 2, validate: () => ({}) } }],
    ['a validating function', (value: unknown) => value],
    ['a name', 'amount'],
    ['an options object', { schema: z.object({}) }],
    ['nothing, as an import cycle leaves it', undefined],
    ['null', null],
  ])('a value that is neither schema nor pipe: %s', (_, given) => {
    for (const decorator of [EventData, SemanticEventBody] as ((given: unknown) => unknown)[])
      expect(() => decorator(given)).toThrow(SemanticEventsConfigError);
    if (given !== undefined)
      expect(() => new EventDataPipe(given as never)).toThrow(SemanticEventsConfigError);
  });

  it('a schema on the whole event, and names the decorator to use', () => {
    expect(() => SemanticEventBody(z.object({}) as never)).toThrow(/pass it to @EventData\(\)/);
  });

  it('no class that is marked as a pipe', () => {
    expect(() => EventData(new ParsingPipe(), ParsingPipe)).not.toThrow();
  });
});
