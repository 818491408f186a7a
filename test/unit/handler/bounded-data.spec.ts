import 'reflect-metadata';
import type { ArgumentMetadata } from '@nestjs/common';
import { Expose, Type as Make } from 'class-transformer';
import { ArrayMaxSize, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import { EventDataPipe } from '../../../lib/index.js';

let created = 0;

class Item {
  @IsOptional()
  @IsString()
  name?: string;

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Item)
  parts?: Item[];

  constructor() {
    created++;
  }
}

class Basket {
  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Item)
  items?: Item[];

  @IsOptional()
  @ArrayMaxSize(3_000)
  @ValidateNested({ each: true })
  @Make(() => Item)
  many?: Item[];

  @IsOptional()
  @ArrayMaxSize(2)
  @ValidateNested({ each: true })
  @Make(() => Item)
  few?: Item[];

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Item)
  byName?: Map<string, Item>;

  @IsOptional()
  @ValidateNested()
  @Make(() => Item)
  one?: Item;

  @IsOptional()
  @ValidateNested({ each: true })
  @Make(() => Item)
  @Expose({ name: 'other_name' })
  renamed?: Item[];

  @IsOptional()
  @IsObject()
  free?: object;
}

const metadata: ArgumentMetadata = { type: 'body', metatype: Basket };
const validate = async (data: unknown) =>
  (await new EventDataPipe().transform(data, metadata)) as Basket;
const items = (count: number) => Array.from({ length: count }, () => ({}));
const names = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`unknown${at}`, 0]));

/** Returns the reason for the rejection of data. */
async function reasonFor(data: unknown): Promise<unknown> {
  const error = await validate(data).catch((error: unknown) => error);
  return (error as { details?: { reason: unknown } }).details?.reason;
}

const TOO_MANY = 'has too many objects: lists without @ArrayMaxSize() may have 1000 in one event';

describe('the data of a class', () => {
  beforeEach(async () => {
    await validate({ items: [{ parts: [] }], many: [], few: [], byName: {}, one: {} });
    created = 0;
  });

  it.each([
    [
      'a list longer than @ArrayMaxSize() permits',
      { few: items(3) },
      'data.few must contain no more than 2 elements',
    ],
    ['a list with more than 1,000 objects', { items: items(1_001) }, `data.items ${TOO_MANY}`],
    [
      'lists with more than 1,000 objects together',
      { items: items(600), one: { parts: items(401) } },
      `data.one.parts ${TOO_MANY}`,
    ],
    [
      'lists within a list with more than 1,000 objects',
      { items: Array.from({ length: 11 }, () => ({ parts: items(91) })) },
      `data.items.parts ${TOO_MANY}`,
    ],
    [
      'a map with more than 1,000 objects',
      { byName: Object.fromEntries(items(1_001).entries()) },
      `data.byName ${TOO_MANY}`,
    ],
    ['a list in the place of the data', items(1_001), `data ${TOO_MANY}`],
    ['a list in the place of one object', { one: items(1_001) }, `data.one ${TOO_MANY}`],
  ])('is rejected before an instance exists: %s', async (_, data, reason) => {
    expect(await reasonFor(data)).toBe(reason);
    expect(created).toBe(0);
  });

  it.each<[string, object]>([
    ['a property without @ValidateNested()', { free: { list: items(2_001) } }],
    ['an undeclared member', { unknown: items(2_001) }],
    ['undeclared members of an object', { one: { unknown: items(2_001) } }],
    ['several undeclared members', { a: items(1_000), b: items(1_000), c: {} }],
    ['lists in lists', { unknown: Array.from({ length: 21 }, () => Array(100).fill([])) }],
    ['a list that is exposed under another name', { other_name: items(2_001) }],
  ])('is rejected before an instance exists: more than 2,000 objects in %s', async (_, data) => {
    expect(await reasonFor(data)).toMatch(
      /has too many objects: members without @ValidateNested\(\) may have 2000 in one event$/,
    );
    expect(created).toBe(0);
  });

  it('may have 2,000 objects elsewhere, and any number of texts and numbers', async () => {
    const data = { free: { list: items(997) }, unknown: items(999), numbers: Array(9_000).fill(1) };
    expect(await validate(data)).toMatchObject(data);
  });

  it('may have 1,000 objects in lists, and as many more as @ArrayMaxSize() permits', async () => {
    const basket = await validate({ items: items(1_000), many: items(3_000) });
    expect(basket.items).toHaveLength(1_000);
    expect(basket.many).toHaveLength(3_000);
    expect(basket.many?.[2_999]).toBeInstanceOf(Item);
  });

  it.each<[string, (item: object) => object, (basket: Basket) => unknown]>([
    ['one object', one => ({ one }), ({ one }) => one],
    [
      'an item of a list',
      item => ({ items: [{ name: 'first' }, item] }),
      ({ items }) => items?.[1],
    ],
    ['an item of a map', item => ({ byName: { a: item } }), ({ byName }) => byName?.get('a')],
    [
      'a part of an item',
      part => ({ items: [{ parts: [part] }] }),
      ({ items }) => items?.[0]?.parts?.[0],
    ],
  ])('keeps a few undeclared members of %s, and none of many', async (_, dataWith, of) => {
    const withFew = await validate(dataWith({ name: 'a', ...names(3) }));
    expect(of(withFew)).toEqual({ name: 'a', ...names(3) });
    const given = dataWith({ name: 'a', ...names(7_000) });
    const copy = structuredClone(given);
    expect(of(await validate(given))).toEqual({ name: 'a' });
    // Other guards and handlers read the same data.
    expect(given).toEqual(copy);
  });
});
