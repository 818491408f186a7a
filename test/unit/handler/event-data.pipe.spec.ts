import 'reflect-metadata';
import type { ArgumentMetadata, Type } from '@nestjs/common';
import { Type as Make } from 'class-transformer';
import { IsOptional, IsString, ValidateNested } from 'class-validator';
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
});
