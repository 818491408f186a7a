import { DemoGateway } from '../helpers/demo.gateway.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';
import { type Json, signatureOf, type TestClient } from '../helpers/test-client.js';

/** The inherited members of every object, which vary between Node versions. */
const UNPOLLUTED = Reflect.ownKeys(Object.prototype);

let app: TestApp;
let client: TestClient;

beforeEach(async () => {
  app = await TestApp.start({ gateways: [DemoGateway] });
  client = await app.login();
});

const calls = () => app.nest.get(DemoGateway).calls;

const outcome = async (text: string, from = client): Promise<string> => {
  from.socket.send(text);
  from.sendJson({ type: 'ping' });
  const answers = await from.take(2);
  const answer = answers.find(({ type }) => type !== 'pong')!;
  // One answer, and the connection stays open.
  expect(answers.some(({ type }) => type === 'pong')).toBe(true);
  return answer.type === 'event' ? 'accepted' : (answer.code ?? answer.data.code);
};
const send = (event: Json, from = client) =>
  outcome(JSON.stringify({ type: 'event', event }), from);

afterEach(() => {
  expect(({} as Json).polluted).toBeUndefined();
  expect(Reflect.ownKeys(Object.prototype)).toEqual(UNPOLLUTED);
});

describe('an event without a valid signature', () => {
  it.each([
    [undefined],
    [null],
    [''],
    [0],
    [1],
    [true],
    [[]],
    [{}],
    [['v1.main.x']],
    ['v1.'],
    ['v1.main.'],
  ])('is rejected with %j, and is not signed by the server', async semanticsignature => {
    const event: Json = { ...client.event('demo.echo', 'canary'), semanticsignature };
    client.sendJson({ type: 'event', event });
    const answer = await client.next();
    expect(answer).toMatchObject({ type: 'error', code: 'INVALID_SIGNATURE', id: event.id });
    expect(JSON.stringify(answer)).not.toMatch(/canary|v1\./);
    expect(calls()).toEqual([]);
  });

  it('reaches a handler without @SignedEvent() as it was sent', async () => {
    const event = { ...client.event('demo.unsigned'), semanticsignature: undefined };
    expect(await send(event)).toBe('accepted');
    expect(calls()[0]).not.toHaveProperty('semanticsignature');
  });
});

describe('a signed event', () => {
  const attributes = {
    subject: 'subject',
    datacontenttype: 'application/json',
    dataschema: 'https://example.com/schema',
    semanticintent: 'intent',
    semantictags: 'a,b',
    semanticcorrelationid: 'c-1',
    traceparent: '00-0',
    flag: true,
    count: 7,
  };

  it('is rejected if any attribute is changed by one byte, removed or added', async () => {
    const time = new Date().toISOString();
    const event = client.event('demo.echo', { a: ['b'] }, { ...attributes, time });
    const changed: Json = {
      ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, `${value}x`])),
      source: 'test-clienu',
      id: `${event.id}x`,
      time: time.replace('Z', '+00:00'),
      data: { a: ['c'] },
      semanticnonce: `${event.semanticnonce}x`,
      extra: 1,
    };
    for (const [name, value] of Object.entries(changed))
      expect([name, await send({ ...event, [name]: value })]).toEqual([name, 'INVALID_SIGNATURE']);
    for (const name of [...Object.keys(attributes), 'data'])
      expect(await send({ ...event, [name]: undefined })).toBe('INVALID_SIGNATURE');
    expect(await send({ ...event, specversion: '1.1' })).toBe('INVALID_EVENT');
    expect(calls()).toEqual([]);
    expect(await send(event)).toBe('accepted');
  });

  it('is rejected under any other key id', async () => {
    const event = client.event('demo.echo', 'x');
    const [, keyId, mac] = String(event.semanticsignature).split('.') as [string, string, string];
    const other = await app.login();
    for (const wrong of [
      'main',
      'unknown',
      '__proto__',
      's-',
      's-main',
      other.signing!.key_id,
      keyId.slice(0, -1),
      `${keyId}x`,
      keyId.toUpperCase(),
      'k'.repeat(65),
      'k'.repeat(10_000),
      `${keyId}.${keyId}`,
      `main\n${keyId}`,
      '',
    ])
      expect(await send({ ...event, semanticsignature: `v1.${wrong}.${mac}` })).toBe(
        'INVALID_SIGNATURE',
      );
    expect(await send(event)).toBe('accepted');
  });

  it('is rejected if signed by the ring key under a session’s id, or the other way round', async () => {
    const ring = Buffer.from(RING_KEY.secret).toString('base64url');
    const { key_id, key } = client.signing!;
    const event = client.event('demo.echo', 'x');
    expect(await send(client.sign(event, { key_id, key: ring }))).toBe('INVALID_SIGNATURE');
    expect(await send(client.sign(event, { key_id: RING_KEY.id, key }))).toBe('INVALID_SIGNATURE');
  });

  it('of the server is rejected if sent back, and so is one that a client signed like the server', async () => {
    client.emit('demo.echo', 'x');
    const { event } = await client.next();
    expect(await send({ ...event, type: 'demo.echo' })).toBe('FORBIDDEN');
    const own = client.event('demo.echo', 'y');
    const semanticsignature = signatureOf(own, client.signing!, 's2c');
    expect(await send({ ...own, semanticsignature })).toBe('INVALID_SIGNATURE');
    expect(calls()).toEqual(['x']);
  });

  it('whose signature is anywhere but in the event is rejected', async () => {
    const { semanticsignature, ...event } = client.event('demo.echo', { a: 1 });
    for (const frame of [
      { type: 'event', event, semanticsignature },
      { type: 'event', event, signature: semanticsignature },
      { type: 'event', event: { ...event, data: { ...event.data, semanticsignature } } },
      { type: 'event', event: { ...event, signature: semanticsignature } },
      { type: 'event', event: { ...event, semanticsignature: [semanticsignature] } },
    ])
      expect(await outcome(JSON.stringify(frame))).toBe('INVALID_SIGNATURE');
    expect(calls()).toEqual([]);
  });
});
