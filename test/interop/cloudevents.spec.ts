import { CloudEvent, HTTP } from 'cloudevents';
import * as fc from 'fast-check';
import { createEvent, validateEvent } from '../../lib/event/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { TestApp } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

fc.configureGlobal({ seed: 20_261_128 });

const REQUIRED = {
  specversion: '1.0',
  id: 'i',
  type: 't',
  source: 's',
  time: '2026-11-23T10:00:00.000Z',
};

const passes = (check: () => unknown) => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};
const ours = (event: object) =>
  passes(() => {
    validateEvent(event);
  });
const sdks = (event: object) => passes(() => new CloudEvent(event).validate());
const json = (value: object) => JSON.parse(JSON.stringify(value)) as Json;

const uriPart = fc.oneof(
  fc.constantFrom(
    ...[
      'http:',
      'urn:',
      'a:b',
      '1:',
      '//',
      '/',
      'user@',
      '[::1]',
      '[::g]',
      '[1:2',
      ':80',
      ':x',
      '%41',
    ],
    ...[
      '%4',
      '?q',
      '#f',
      '#',
      'é',
      ' ',
      '^',
      '{',
      '..',
      'a',
      'Z9',
      '.',
      '-',
      '~',
      '\\',
      '"',
      '|',
      '@',
      ':',
    ],
  ),
  fc.string({ minLength: 1, maxLength: 2 }),
);
const uri = fc.array(uriPart, { minLength: 1, maxLength: 6 }).map(parts => parts.join(''));
const base64 = fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('base64'));
const optional = (arbitrary: fc.Arbitrary<unknown>) => fc.option(arbitrary, { nil: undefined });
const printable = fc.string({ minLength: 1, maxLength: 20 });

const anyEvent = fc.record({
  specversion: fc.constant('1.0'),
  id: printable,
  type: printable,
  source: uri,
  time: fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
    .map(date => date.toISOString()),
  subject: optional(printable),
  datacontenttype: fc.constantFrom(undefined, 'application/json', 'text/plain'),
  dataschema: optional(uri),
  data: optional(fc.jsonValue()),
  traceparent: optional(fc.constant(`00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`)),
  extension: optional(fc.oneof(printable, fc.boolean(), fc.integer())),
});

describe('an accepted event and the CloudEvents SDK', () => {
  it('is valid for the SDK, which preserves it', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyEvent, event => {
        if (!ours(json(event))) return;
        accepted++;
        const read = new CloudEvent(json(event));
        expect(read.validate()).toBe(true);
        expect(json(read)).toEqual(json(event));
        expect(ours(json(read))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('has a source and a dataschema that the SDK accepts, too', () => {
    const tooMuch = fc
      .sample(uri, 20_000)
      .filter(text =>
        ['source', 'dataschema'].some(
          name => ours({ ...REQUIRED, [name]: text }) && !sdks({ ...REQUIRED, [name]: text }),
        ),
      );
    expect(tooMuch).toEqual([]);
  });

  it.each<[string, Json]>([
    ['binary data', { data_base64: 'AAEC/w==', datacontenttype: 'application/octet-stream' }],
    ['no time', { time: undefined }],
    ['text as data', { data: 'plain', datacontenttype: 'text/plain' }],
    ['a schema', { dataschema: 'https://example.com/schema.json' }],
    ['a trace', { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`, tracestate: 'a=1' }],
  ])('is valid with %s', (_, members) => {
    const event = json(createEvent({ ...REQUIRED, specversion: '1.0', ...members }));
    expect([ours(event), sdks(event)]).toEqual([true, true]);
    expect(json(new CloudEvent(event))).toEqual(event);
  });

  it('preserves its bytes', () => {
    fc.assert(
      fc.property(base64, data_base64 => {
        expect(ours({ ...REQUIRED, data_base64 })).toBe(true);
        const { data } = new CloudEvent<Uint8Array>({ ...REQUIRED, data_base64 });
        expect(Buffer.from(data ?? []).toString('base64')).toBe(data_base64);
      }),
    );
  });

  it('survives HTTP in structured mode', () => {
    const event = new CloudEvent({ ...REQUIRED, data: { a: [1, 'ü'] }, semantictags: 'a,b' });
    const message = HTTP.structured(event);
    const back = json(HTTP.toEvent(message));
    expect(ours(back)).toBe(true);
    expect(back).toEqual(json(event));
  });
});

describe('a client with the CloudEvents SDK and cloudevents.json', () => {
  it('sends bare events, and receives signed bare events that the SDK accepts', async () => {
    const app = await TestApp.start({ gateways: [DemoGateway] });
    const client = await app.login('alice', '/events', { protocol: 'cloudevents.json' });
    expect(client.socket.protocol).toBe('cloudevents.json');
    const { semanticnonce } = client.event('x');
    const request = new CloudEvent({
      type: 'demo.echo',
      source: 'https://example.com/sdk',
      data: { hello: 'wörld' },
      traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
      semanticnonce,
    });
    client.sendJson(client.sign(json(request)));
    const answer = await client.next();
    expect(client.verifies(answer)).toBe(true);
    const reply = new CloudEvent(answer);
    expect(reply.validate()).toBe(true);
    expect(reply).toMatchObject({
      type: 'demo.echo.reply',
      data: { hello: 'wörld' },
      semanticcorrelationid: request.id,
    });
    expect(json(reply)).toEqual(answer);
  });

  it('sends bytes to the handler, and receives bytes', async () => {
    const app = await TestApp.start({ gateways: [DemoGateway] });
    const client = await app.login('alice', '/events', { protocol: 'cloudevents.json' });
    const request = new CloudEvent({
      type: 'demo.bytes',
      source: 'https://example.com/sdk',
      data: Uint8Array.from([0, 1, 254, 255]),
      datacontenttype: 'application/octet-stream',
    });
    client.sendJson(json(request));
    const answer = await client.next();
    const reply = new CloudEvent<Uint8Array>(answer);
    expect(reply.validate()).toBe(true);
    expect([...(reply.data ?? [])]).toEqual([255, 254, 1, 0]);
    expect(answer).toMatchObject({ datacontenttype: 'application/octet-stream' });
  });
});
