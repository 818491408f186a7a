import 'reflect-metadata';
import { jest } from '@jest/globals';
import type { ArgumentMetadata, Type } from '@nestjs/common';
import { Type as Make } from 'class-transformer';
import { IsOptional, IsString, Max, MaxLength, ValidateNested } from 'class-validator';
import { z } from 'zod';
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
    { set: [home] },
    { map: { a: home } },
    { tags: ['a', 'b'] },
    {},
  ])('accepts the collections of %j', async data => {
    const read = (await pipe.transform(data, metadata(Collections))) as Collections;
    for (const item of [...(read.list ?? []), ...(read.set ?? []), ...(read.map?.values() ?? [])])
      expect(item).toBeInstanceOf(Address);
  });

  it.each<[string, unknown]>([
    ['list', [[]]],
    ['list', [[[]], []]],
    ['list', [home, [home]]],
    ['list', { 0: home }],
    ['list', home],
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

  it('may return a value that is undefined', () => {
    expect(pipeOf(() => ({ value: undefined })).transform('a', metadata)).toBeUndefined();
  });
});
