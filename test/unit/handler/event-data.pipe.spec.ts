import 'reflect-metadata';
import { jest } from '@jest/globals';
import {
  type ArgumentMetadata,
  BadRequestException,
  type Type,
  ValidationPipe,
} from '@nestjs/common';
import { Transform, Type as Make } from 'class-transformer';
import {
  Allow,
  IsAlpha,
  IsInstance,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  registerDecorator,
  ValidateIf,
  ValidateNested,
  type ValidationOptions,
} from 'class-validator';
import * as v from 'valibot';
import { z } from 'zod';
import { z as z3 } from 'zod/v3';
import { EventDataPipe } from '../../../lib/index.js';

class Address {
  @IsString()
  street!: string;

  @IsOptional()
  @ValidateNested()
  @Make(() => Address)
  previous?: Address;
}

class Order {
  @ValidateNested()
  @Make(() => Address)
  address!: Address;

  @ValidateNested({ each: true })
  @Make(() => Address)
  others!: Address[];
}

class Collections {
  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Address)
  list?: Address[];

  // Without `each`: class-validator validates the items anyway, and any other object, too.
  @IsOptional()
  @ValidateNested()
  @Make(() => Address)
  bare?: Address[];

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Address)
  set?: Set<Address>;

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Address)
  map?: Map<string, Address>;

  @IsOptional()
  @IsString({ each: true })
  @MaxLength(5, { each: true })
  tags?: string[];
}

class Shape {
  @IsString()
  kind!: string;
}

class Circle extends Shape {
  @Max(10)
  radius!: number;
}

const SHAPES = {
  discriminator: { property: 'kind', subTypes: [{ value: Circle, name: 'circle' }] },
  keepDiscriminatorProperty: true,
};

class Drawing {
  @IsOptional()
  @ValidateNested()
  @Make(() => Shape, SHAPES)
  shape?: Shape;

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Shape, SHAPES)
  shapes?: Shape[];
}

/** Validates by a function of the application. */
const By =
  (
    validate: (value: string) => boolean | Promise<boolean>,
    given: ValidationOptions = {},
  ): PropertyDecorator =>
  (target, propertyName) => {
    const validator = { validate };
    const options = { name: 'by', target: target.constructor, options: given, validator };
    registerDecorator({ ...options, propertyName: String(propertyName) });
  };

class Named {
  get label() {
    return 'a label';
  }
}

/** Every member of this class has something that throws for values of another type. */
class Touchy extends Named {
  @Allow()
  @Make(() => Number)
  number?: number;

  @Allow()
  @Make(() => String)
  text?: string;

  @Allow()
  @Make(() => Date)
  date?: Date;

  @Allow()
  @Make(() => Buffer)
  bytes?: Buffer;

  @Allow()
  @Make(() => BigInt)
  big?: bigint;

  @IsOptional()
  @IsString()
  @Transform(({ value }: { value: string }) => value.trim())
  trimmed?: string;

  @IsOptional()
  @IsString()
  @By(value => value.startsWith('a'))
  checked?: string;

  @ValidateIf(({ choice }: Touchy) => choice !== undefined && choice.toLowerCase() === 'a')
  @IsString()
  choice?: string;

  @IsOptional()
  @By(() => Promise.reject(new TypeError('The database is away')))
  later?: string;

  @IsOptional()
  @IsAlpha('xx-XX' as 'de-DE')
  locale?: string;

  @Allow()
  @Transform(({ value }: { value: string }) => {
    throw new BadRequestException(`unknown: ${value}`);
  })
  refused?: string;
}

/** Parses a text, as a form sends it. */
const Parsed = () =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? (JSON.parse(value) as unknown) : value,
  );

class Form {
  @IsOptional()
  @ValidateNested()
  @Make(() => Address)
  @Parsed()
  address?: Address;

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Address)
  @Parsed()
  others?: Address[];

  @IsOptional()
  @ValidateNested()
  @Make(() => Address)
  @Transform(({ value }) => Promise.resolve(value))
  later?: Address;
}

class Sized {
  @IsOptional()
  @IsInstance(Buffer)
  @Make(() => Buffer)
  bytes?: Buffer;

  @IsOptional()
  @IsString({ each: true })
  @Make(() => Array)
  tags?: string[];

  @IsOptional()
  @IsInstance(Buffer, { each: true })
  @Make(() => Buffer)
  chunks?: Buffer[];
}

const rejects = async (value: string) => {
  await Promise.resolve();
  return value.trim() !== '';
};

/** An asynchronous validator and one that throws, in both orders and in lists. */
class Dropping {
  @IsOptional()
  @By(rejects)
  first?: string;

  @IsOptional()
  @By(value => value.startsWith('a'))
  second?: string;

  @IsOptional()
  @By(rejects)
  third?: string;
}

class DroppingList {
  @By(value => (value === 'late' ? Promise.reject(new Error('away')) : value.startsWith('a')), {
    each: true,
  })
  names!: string[];

  @IsOptional()
  @By(value => value.startsWith('a'))
  last?: string;
}

class Late {
  @Allow()
  @Transform(async ({ value }: { value: string }) => {
    await Promise.resolve();
    return value.trim();
  })
  name?: Promise<string>;

  @IsString()
  text!: string;
}

const circle = { kind: 'circle', radius: 5 };
const home = { street: 'Main Street' };
const metadata = (metatype: Type): ArgumentMetadata => ({ type: 'body', metatype });

describe('EventDataPipe with a class that contains classes', () => {
  const pipe = new EventDataPipe();

  it.each([
    { address: home, others: [] },
    { address: { ...home, previous: home }, others: [home] },
  ])('accepts %j', async data => {
    expect(await pipe.transform(data, metadata(Order))).toEqual(data);
  });

  it.each([
    ['data.address', { address: [], others: [] }],
    ['data.address', { address: [home], others: [] }],
    ['data.address.previous', { address: { ...home, previous: [] }, others: [] }],
    ['data.others.previous', { address: home, others: [{ ...home, previous: [home] }] }],
  ])('rejects an array as one object at %s', async (path, data) => {
    await expect(pipe.transform(data, metadata(Order))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
      reason: expect.stringContaining(`${path} must not be an array`) as string,
    });
  });

  it.each([
    { list: [home, home] },
    { bare: [home, home] },
    { set: [home] },
    { map: { a: home } },
    { tags: ['a', 'b'] },
    {},
  ])('accepts the collections of %j', async data => {
    const read = (await pipe.transform(data, metadata(Collections))) as Collections;
    const { list = [], bare = [], set = [], map = new Map<string, Address>() } = read;
    for (const item of [...list, ...bare, ...set, ...map.values()])
      expect(item).toBeInstanceOf(Address);
  });

  it.each<[string, unknown]>([
    ['list', [[]]],
    ['list', [[[]], []]],
    ['list', [home, [home]]],
    ['list', { 0: home }],
    ['list', home],
    ['bare', home],
    ['bare', [[]]],
    ['set', [[]]],
    ['set', [[home]]],
    ['map', { a: [] }],
    ['map', { a: [home] }],
    ['map', [[]]],
    ['map', []],
    ['set', {}],
    ['tags', 'abc'],
    ['tags', [['abc']]],
    ['tags', { a: 'abc' }],
  ])('rejects as %s what is not a collection of its items: %j', async (name, value) => {
    await expect(pipe.transform({ [name]: value }, metadata(Collections))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
  });

  it.each([{ shape: circle }, { shapes: [circle, circle] }, { shapes: [] }, {}])(
    'accepts the class that a discriminator names: %j',
    async data => {
      const copy = JSON.parse(JSON.stringify(data)) as object;
      expect(await pipe.transform(copy, metadata(Drawing))).toEqual(data);
    },
  );

  it.each([
    { shape: { kind: 'other', radius: 'evil' } },
    { shape: { kind: 'toString' } },
    { shape: { ...circle, radius: 50 } },
    { shapes: [circle, { kind: 'other', radius: 'evil' }] },
  ])('rejects a discriminator that names no class, and what its class rejects: %j', async data => {
    await expect(pipe.transform(data, metadata(Drawing))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
  });
});

describe('EventDataPipe with a class whose @Transform() creates objects', () => {
  const pipe = new EventDataPipe();

  it.each([
    { address: JSON.stringify({ street: 5 }) },
    { address: JSON.stringify(home) },
    { address: '[]' },
    { others: JSON.stringify([home, { street: 5 }]) },
    { others: JSON.stringify([{ street: 5 }]) },
    { others: JSON.stringify(home) },
    { later: { street: 5 } },
  ])('rejects %j: nothing has rules for an object without a class', async data => {
    await expect(pipe.transform(data, metadata(Form))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
  });

  it.each([{ address: home }, { others: [home] }, { others: [] }, {}])('accepts %j', async data => {
    expect(await pipe.transform(data, metadata(Form))).toEqual(data);
  });
});

describe('EventDataPipe with a property that becomes as large as a member says', () => {
  it.each([
    { bytes: { length: 1e9 } },
    { bytes: { length: 1 } },
    { tags: { length: 1e9 } },
    { tags: { length: 1, 0: 'a' } },
    { tags: { 4294967294: 'a' } },
    { tags: [{ length: 1e9 }] },
    { bytes: { type: 'Buffer', data: [1], length: 1e9 } },
    { chunks: ['a', { length: 1e9 }] },
  ])('rejects %j before it is created', async data => {
    await expect(new EventDataPipe().transform(data, metadata(Sized))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
      reason: expect.stringContaining('must be a list or a text') as string,
    });
  });

  it('accepts lists and text', async () => {
    const bytes = { type: 'Buffer', data: [97, 98, 99] };
    const data = { bytes, tags: ['a'], chunks: ['ab'] };
    expect(await new EventDataPipe().transform(data, metadata(Sized))).toEqual({
      bytes: Buffer.from('abc'),
      tags: ['a'],
      chunks: [Buffer.from('ab')],
    });
  });
});

describe('a rejection of an asynchronous function', () => {
  const unhandled = jest.fn();
  const pipe = new EventDataPipe();

  beforeEach(() => {
    unhandled.mockClear();
    process.on('unhandledRejection', unhandled);
  });

  afterEach(async () => {
    // Node reports an unhandled rejection at the end of the turn.
    await new Promise(resolve => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it.each<[Type, object]>([
    [Dropping, { first: 5, second: 5 }],
    [Dropping, { second: 5, third: 5 }],
    [Dropping, { first: 5, second: 5, third: 5 }],
    [DroppingList, { names: ['late', 5] }],
    [DroppingList, { names: ['late', 'late', 5] }],
    [DroppingList, { names: ['late', 'a'], last: 5 }],
  ])('does not end the process if another validator throws: %p of %j', async (type, data) => {
    await expect(pipe.transform(data, metadata(type))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
  });

  const rejecting = z.string().refine(async () => {
    await Promise.resolve();
    throw new Error('away');
  });
  const throwing = z.string().transform(text => JSON.parse(text) as unknown);

  it.each<[string, z.ZodType, unknown]>([
    ['an object', z.object({ a: rejecting, b: throwing }), { a: 'a', b: '{' }],
    ['a list', z.array(z.union([throwing, rejecting])), ['1', '{']],
    [
      'a refinement',
      rejecting.refine(() => {
        throw new Error('too');
      }),
      'a',
    ],
  ])('does not end the process if a function of a schema throws: %s', async (_, schema, data) => {
    await Promise.resolve(new EventDataPipe(schema).transform(data, metadata(Object))).catch(
      () => undefined,
    );
  });

  it('is passed on if the other validators only reject the value', async () => {
    const data = { first: 5, second: 'b', third: 5 };
    await expect(pipe.transform(data, metadata(Dropping))).rejects.toThrow('trim');
    await expect(pipe.transform({ names: ['late', 'b'] }, metadata(DroppingList))).rejects.toThrow(
      'away',
    );
  });

  it.each([
    { name: 5, text: 'a' },
    { name: 5, text: 5 },
    { name: null, text: 'a' },
  ])('of @Transform() does not end the process: %j', async data => {
    await Promise.resolve(pipe.transform(data, metadata(Late))).catch(() => undefined);
  });
});

describe('EventDataPipe validates by the packages of the decorators', () => {
  it('if a ValidationPipe of the application has others', async () => {
    const pipe = new EventDataPipe();
    new ValidationPipe({
      validatorPackage: { validate: () => [] },
      transformerPackage: { plainToInstance: (_: Type, plain: object) => plain },
    } as unknown as ConstructorParameters<typeof ValidationPipe>[0]);
    const data = { address: { street: 5 }, others: [] };
    await expect(pipe.transform(data, metadata(Order))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
    expect(await pipe.transform({ address: home, others: [] }, metadata(Order))).toBeInstanceOf(
      Order,
    );
  });

  it.each([5, 'text', true, [home], new Uint8Array(2)])(
    'and rejects %p, which is no object',
    async data => {
      await expect(new EventDataPipe().transform(data, metadata(Address))).rejects.toMatchObject({
        code: 'INVALID_EVENT',
      });
    },
  );
});

describe('EventDataPipe with a class whose conversion or validation throws', () => {
  const pipe = new EventDataPipe();
  const noPrimitive = { toString: 1, valueOf: 1 };

  it.each<[Type, object]>([
    [Drawing, { shapes: [null] }],
    [Drawing, { shapes: [circle, null] }],
    [Drawing, { shapes: [5, 'a', true] }],
    [Drawing, { shapes: [[null]] }],
    [Drawing, { shape: [null] }],
    [Touchy, { number: noPrimitive }],
    [Touchy, { text: noPrimitive }],
    [Touchy, { text: [noPrimitive] }],
    [Touchy, { date: noPrimitive }],
    [Touchy, { bytes: 5 }],
    [Touchy, { big: {} }],
    [Touchy, { label: 'a getter of the base class has this name' }],
    [Touchy, { trimmed: 5 }],
    [Touchy, { trimmed: null }],
    [Touchy, { checked: 5 }],
    [Touchy, { choice: 5 }],
  ])('rejects the data: %p of %j', async (type, data) => {
    await expect(pipe.transform(data, metadata(type))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
  });

  it.each(['number', 'text', 'date', 'checked', 'choice'])('accepts a valid %s', async name => {
    expect(await pipe.transform({ [name]: 'a' }, metadata(Touchy))).toHaveProperty(name);
  });

  it('names the class and the error, and nothing of the data', async () => {
    await expect(
      pipe.transform({ trimmed: { canary: 1 } }, metadata(Touchy)),
    ).rejects.toMatchObject({
      reason: 'the data cannot become an instance of Touchy: TypeError was thrown',
    });
  });

  it.each([
    ['an asynchronous validator', { later: 'a' }, 'The database is away'],
    ['a validator with wrong arguments', { locale: 'a' }, 'Invalid locale'],
  ])(
    'passes on the error of %s, which decides nothing about the data',
    async (_, data, message) => {
      await expect(pipe.transform(data, metadata(Touchy))).rejects.toThrow(message);
    },
  );

  it('passes on an exception of the application', async () => {
    await expect(pipe.transform({ refused: 'a' }, metadata(Touchy))).rejects.toBeInstanceOf(
      BadRequestException,
    );
  });
});

describe('a schema', () => {
  const pipeOf = (validate: (value: unknown) => unknown) =>
    new EventDataPipe({ '~standard': { version: 1, vendor: 'test', validate } } as never);
  const metadata: ArgumentMetadata = { type: 'custom' };

  it('of zod runs an asynchronous check once, and its failure rejects nothing but the event', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    let calls = 0;
    const schema = z.string().refine(async () => {
      calls++;
      await Promise.resolve();
      throw new Error('The database is away');
    });
    const result = new EventDataPipe(schema).transform('a', metadata);
    await expect(result).rejects.toThrow('The database is away');
    await new Promise(setImmediate);
    process.off('unhandledRejection', unhandled);
    expect(calls).toBe(1);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it.each([['text'], [7], [null], [undefined], [true], [{}], [{ issues: 'many' }]])(
    'that returns %j has not validated anything',
    async result => {
      const transform = async () => pipeOf(() => result).transform('a', metadata);
      await expect(transform()).rejects.toThrow('neither a value nor issues');
    },
  );

  it.each<[string, EventDataPipe]>([
    ['zod 3', new EventDataPipe(z3.object({ text: z3.coerce.string() }) as never)],
    ['valibot', new EventDataPipe(v.object({ text: v.pipe(v.unknown(), v.transform(String)) }))],
  ])('of %s that cannot read a member with a hidden method rejects the data', async (_, pipe) => {
    const transform = async (data: unknown) => pipe.transform(data, metadata);
    expect(await transform({ text: 7 })).toEqual({ text: '7' });
    for (const text of [{ toString: 1 }, { toString: null, valueOf: {} }])
      await expect(transform({ text })).rejects.toMatchObject({ code: 'INVALID_EVENT' });
  });

  it('that fails for other data has not decided', async () => {
    const failing = pipeOf(() => {
      throw new TypeError('fetch failed');
    });
    await expect(async () => failing.transform({ text: 1 }, metadata)).rejects.toThrow('fetch');
  });

  it('that fails by an error of its own has not decided, whatever the names of members', async () => {
    const failing = pipeOf(() => {
      throw new Error('The database is away');
    });
    const transform = async () => failing.transform({ toString: 1 }, metadata);
    await expect(transform()).rejects.toThrow('The database is away');
  });

  it('may return a value that is undefined', () => {
    expect(pipeOf(() => ({ value: undefined })).transform('a', metadata)).toBeUndefined();
  });
});
