import { DataGateway, Order } from '../helpers/data.gateway.js';
import { TestApp } from '../helpers/test-app.js';

async function start() {
  const app = await TestApp.start({ gateways: [DataGateway] });
  return { client: await app.login(), seen: app.nest.get(DataGateway).seen };
}

describe('valid data', () => {
  it.each<[string, unknown, unknown]>([
    ['zod', { name: ' a ', extra: 1 }, { name: 'a', amount: 1 }],
    ['zod.later', { name: 'free' }, { name: 'free' }],
    ['valibot', { name: ' a ', extra: 1 }, { name: 'a' }],
    ['valibot.later', { name: 'free' }, { name: 'free' }],
    ['arktype', { name: ' a ', amount: 2 }, { name: 'a', amount: 2 }],
    ['piped', ' 42 ', 42],
    ['message', { name: ' a ' }, { name: 'a' }],
  ])('of %s reaches the handler as the output of the schema', async (type, data, output) => {
    const { client, seen } = await start();
    client.emit(type, data);
    expect((await client.next()).event.data).toEqual(output);
    expect(seen).toEqual([output]);
  });

  it('of a class is an instance of it, including nested objects', async () => {
    const { client, seen } = await start();
    client.emit('class', { name: 'a', lines: [{ quantity: 1 }, { quantity: 2 }] });
    expect((await client.next()).event.data).toEqual([2, 4]);
    expect(seen[0]).toBeInstanceOf(Order);
  });

  it.each<[string, unknown]>([
    ['string', 'a'],
    ['number', 5],
    ['boolean', false],
    ['any', ['a', 1, null]],
    ['any', '2026-11-23'],
    ['record', { constructor: 1, deep: { a: [] } }],
  ])('reaches the handler unchanged: %s', async (type, data) => {
    const { client } = await start();
    client.emit(type, data);
    expect((await client.next()).event.data).toEqual(data);
  });
});

describe('invalid data', () => {
  it.each<[string, unknown]>([
    ['zod', { name: '', amount: 1 }],
    ['zod', { name: 'canary', amount: -1 }],
    ['zod', undefined],
    ['zod.later', { name: 'taken' }],
    ['valibot', ['canary']],
    ['valibot.later', { name: 'taken' }],
    ['arktype', { name: 'canary', amount: 0 }],
    ['arktype', null],
    ['class', { name: 'canary', lines: [{ quantity: 0 }] }],
    ['class', { name: 'canary', lines: ['canary'] }],
    ['class', { lines: [] }],
    ['class', 'canary'],
    ['class', undefined],
    ['class', [{ name: 'canary', lines: [] }]],
    ['drawing', { lines: [null] }],
    ['drawing', { lines: [{ kind: 'line', quantity: 1 }, null] }],
    ['drawing', { lines: ['canary'] }],
    ['string', 7],
    ['string', { not: 'a string' }],
    ['string', undefined],
    ['number', '5'],
    ['boolean', null],
    ['message', { name: '' }],
  ])('is rejected with INVALID_EVENT and without echo: %s of %j', async (type, data) => {
    const { client, seen } = await start();
    const { id } = client.emit(type, data);
    const refusal = await client.next();
    expect(refusal).toEqual({
      type: 'error',
      code: 'INVALID_EVENT',
      status: 422,
      message: 'The event or its data is not valid',
      id,
    });
    expect(seen).toEqual([]);
  });

  it('is rejected by a pipe of the application with REJECTED and without echo', async () => {
    const { client, seen } = await start();
    const { id } = client.emit('piped', 'canary');
    const answer = await client.next();
    expect(answer).toMatchObject({ code: 'REJECTED', status: 400, id });
    expect(JSON.stringify(answer)).not.toContain('canary');
    expect(seen).toEqual([]);
  });
});
