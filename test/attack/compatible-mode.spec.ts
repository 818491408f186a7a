import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventData,
  reply,
  SecureGateway,
  type SemanticEvent,
  SemanticEventBody,
  SignedEvent,
  Unverified,
  type UnverifiedAttributes,
} from '../../lib/index.js';
import {
  compatibleEvent,
  type CompatibleEvent,
  compatibleSignature,
  compatibleText,
} from '../helpers/integradio-peer.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

interface Call {
  event: SemanticEvent;
  data: unknown;
  unverified: UnverifiedAttributes;
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class PythonGateway {
  readonly calls: Call[] = [];

  @SubscribeMessage('py.echo')
  @SignedEvent()
  echo(
    @SemanticEventBody() event: SemanticEvent,
    @EventData() data: unknown,
    @Unverified() unverified: UnverifiedAttributes,
  ) {
    this.calls.push({ event, data, unverified });
    return reply({ type: 'py.echoed', data });
  }

  @SubscribeMessage('py.echoed')
  @SignedEvent()
  echoed(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('py.session')
  @SignedEvent({ keys: 'session' })
  session() {
    return 'session';
  }

  @SubscribeMessage('py.ring')
  @SignedEvent({ keys: 'ring' })
  ring() {
    return 'ring';
  }

  @SubscribeMessage('py.unsigned')
  unsigned(
    @SemanticEventBody() event: SemanticEvent,
    @Unverified() unverified: UnverifiedAttributes,
  ) {
    this.calls.push({ event, data: event.data, unverified });
    return { type: event.type };
  }
}

const OWN_SOURCE = 'nestjs-semantic-events';
const OLD_KEY = { id: 'old', secret: 'another-ring-secret-another-ring-secret' };

let app: TestApp;
let client: TestClient;
let answer: Json;

const start = async (accept?: ('v1' | 'integradio')[]) => {
  app = await TestApp.start({
    gateways: [PythonGateway],
    options: {
      signing: { keys: [RING_KEY, OLD_KEY], accept },
      // Enough for every case: their cost is tested separately.
      connection: { messageBurst: 10_000 },
    },
  });
  client = await app.login();
};
const calls = () => app.nest.get(PythonGateway).calls;

/**
 * Sends the JSON text of an event, and returns the type of the reply or the code of the rejection.
 */
const outcome = async (text: string, frame = `{"type": "event", "event": ${text}}`) => {
  client.socket.send(frame);
  answer = await client.next();
  return answer.type === 'event' ? (answer.event.type as string) : (answer.code as string);
};
const send = (event: CompatibleEvent, members: Json = {}, data?: string) =>
  outcome(compatibleText(event, members, data));

describe('if only v1 is accepted', () => {
  beforeEach(() => start());

  it('an event with a compatible signature is rejected', async () => {
    expect(await send(compatibleEvent('py.echo'))).toBe('INVALID_SIGNATURE');
    expect(calls()).toEqual([]);
  });

  it('an event is passed on unchanged, whatever its signature looks like', async () => {
    await send(compatibleEvent('py.unsigned'), { subject: 'x' });
    expect(calls()).toMatchObject([{ event: { subject: 'x' }, unverified: {} }]);
  });
});

describe('an event with a compatible signature', () => {
  beforeEach(() => start(['v1', 'integradio']));

  it('is accepted once, enveloped or bare, and its nonce is consumed for every signature version', async () => {
    const event = compatibleEvent('py.echo');
    expect(await send(event)).toBe('py.echoed');
    expect(await send(event)).toBe('REPLAY_DETECTED');
    const bare = compatibleText(compatibleEvent('py.echo'));
    expect(await outcome(bare, bare)).toBe('py.echoed');
    const ring = { key_id: 'main', key: Buffer.from(RING_KEY.secret).toString('base64url') };
    const v1 = {
      specversion: '1.0',
      type: 'py.echo',
      source: 's',
      id: 'i',
      semanticnonce: event.nonce,
    };
    const signed = client.sign({ ...v1, time: new Date().toISOString() }, ring);
    expect(await outcome(JSON.stringify(signed))).toBe('REPLAY_DETECTED');
  });

  it('may be signed by any key of the ring, and the nonce counts for that key', async () => {
    const event = compatibleEvent('py.echo');
    const semanticsignature = compatibleSignature(event, OLD_KEY.secret);
    expect(await send(event, { semanticsignature })).toBe('py.echoed');
    expect(await send(event)).toBe('py.echoed');
    expect(await send(event, { semanticsignature })).toBe('REPLAY_DETECTED');
  });

  it.each([
    ['1.0', 1],
    ['12345678901234567890', 12345678901234567000],
    ['-0.0', -0],
    ['[1e+21,1e-07]', [1e21, 1e-7]],
    [String.raw`"h\u00e9\u007f\n\ud83d\ude00"`, 'hé\u007f\n😀'],
    [String.raw`{"":1.50,"\ufb33":2,"\ud83d\ude00":3}`, { '': 1.5, '\ufb33': 2, '😀': 3 }],
    ['null', null],
  ])('has its data verified digit by digit: %s', async (data, value) => {
    expect(await send(compatibleEvent('py.echo', { data }))).toBe('py.echoed');
    expect(calls().map(call => call.data)).toEqual([value]);
  });

  it('means null if data is missing, as its signature does', async () => {
    expect(await send(compatibleEvent('py.echo', { data: 'null' }), {}, '')).toBe('py.echoed');
    expect(calls().map(call => call.data)).toEqual([null]);
  });

  it('reaches its handler without unsigned attributes, which are in unverifiedOf()', async () => {
    const unsigned = {
      subject: 'button',
      semantictags: ['a', 'b,c'],
      semanticintent: 'buy',
      semanticcorrelationid: 'c1',
      dataschema: 'urn:x',
      anything: 7,
      nothing: null,
    };
    expect(await send(compatibleEvent('py.echo'), unsigned)).toBe('py.echoed');
    const [{ event, unverified }] = calls() as [Call];
    const { nothing: _, ...set } = unsigned;
    expect({ ...unverified }).toEqual({ ...set, datacontenttype: 'application/json' });
    expect(Object.isFrozen(unverified)).toBe(true);
    expect(Object.keys(event).sort()).toEqual([
      'data',
      'id',
      'semanticnonce',
      'semanticsignature',
      'source',
      'specversion',
      'time',
      'type',
    ]);
  });

  it('has no unsigned attributes for a handler without @SignedEvent() either', async () => {
    await send(compatibleEvent('py.unsigned'), { subject: 'x', semantictags: ['y'] });
    expect(calls()[0]).toMatchObject({ unverified: { subject: 'x', semantictags: ['y'] } });
    expect(calls()[0]!.event).not.toHaveProperty('subject');
  });

  it.each<[string, Json]>([
    ['type', { type: 'py.ring' }],
    ['source', { source: 'other' }],
    ['id', { id: 'other' }],
    ['time', { time: new Date().toISOString() }],
    ['nonce', { semanticnonce: 'ffffffffffffffff' }],
  ])('is rejected with another %s', async (_, members) => {
    expect(await send(compatibleEvent('py.echo'), members)).toBe('INVALID_SIGNATURE');
  });

  it.each(['{"id":2}', '{"id":1.0}', '{"id":1,"x":0}', '{"ID":1}', '[]', ''])(
    'is rejected with other data: %s',
    async data => {
      expect(await send(compatibleEvent('py.echo'), {}, data)).toBe('INVALID_SIGNATURE');
      expect(calls()).toEqual([]);
    },
  );

  it.each(['{"id":1,"id":1}', '{"id":2,"id":1}', String.raw`{"id":1,"\u0069d":1}`])(
    'is rejected with ambiguous data: %s',
    async data => {
      expect(await send(compatibleEvent('py.echo'), {}, data)).toBe('INVALID_EVENT');
      expect(calls()).toEqual([]);
    },
  );

  it.each(['"type":"py.echo",', '"data":{"id":2},', String.raw`"dat\u0061":{"id":1},`])(
    'is rejected with a repeated attribute: %s',
    async twice => {
      const text = compatibleText(compatibleEvent('py.echo'));
      expect(await outcome(`{${twice}${text.slice(1)}`)).toBe('INVALID_EVENT');
    },
  );

  it('is rejected if its frame contains it twice', async () => {
    const [one, two] = [1, 2].map(() => compatibleText(compatibleEvent('py.echo')));
    expect(await outcome('', `{"type":"event","event":${one},"event":${two}}`)).toBe(
      'INVALID_EVENT',
    );
  });

  it.each<[string, Json, string | undefined]>([
    ['binary data', { data_base64: 'AAAA' }, ''],
    ['tags that are no texts', { semantictags: ['a', 1] }, undefined],
    ['too many tags', { semantictags: Array.from({ length: 2_000 }, () => 'ab') }, undefined],
    ['a tag with a control character', { semantictags: ['a\u0000'] }, undefined],
    ['a nested extension', { extra: { a: 1 } }, undefined],
    ['no nonce', { semanticnonce: undefined }, undefined],
    ['no time', { time: undefined }, undefined],
    ['a time without offset', { time: '2026-11-23T10:00:00' }, undefined],
    ['a short nonce', { semanticnonce: '0123456789' }, undefined],
    ['a lone surrogate in its data', {}, String.raw`"\ud800"`],
    ['a number beyond a double', {}, '1e400'],
    ['too many levels', {}, '['.repeat(33) + ']'.repeat(33)],
    ['a __proto__ member', {}, '{"__proto__":{"a":1}}'],
  ])('is INVALID_EVENT with %s', async (_, members, data) => {
    const event = compatibleEvent('py.echo', data ? { data } : {});
    expect(await send(event, members, data)).toBe('INVALID_EVENT');
    expect(calls()).toEqual([]);
  });

  it('is rejected if too old or too far ahead, and does not consume its nonce', async () => {
    const at = (offset: number) => new Date(Date.now() + offset).toISOString();
    for (const offset of [-310_000, 70_000])
      expect(await send(compatibleEvent('py.echo', { time: at(offset) }))).toBe('EVENT_EXPIRED');
  });

  it('is not accepted in place of a session key signature', async () => {
    expect(await send(compatibleEvent('py.session'))).toBe('INVALID_SIGNATURE');
    expect(await send(compatibleEvent('py.ring'))).toBe('py.ring.reply');
  });

  it.each([
    ['in upper case', (mac: string) => mac.toUpperCase()],
    ['that is truncated', (mac: string) => mac.slice(1)],
    ['of another secret', () => 'ab'.repeat(32)],
    ['in base64url', (mac: string) => Buffer.from(mac, 'hex').toString('base64url')],
  ])('is rejected with a signature %s', async (_, changed) => {
    const event = compatibleEvent('py.echo');
    const semanticsignature = changed(compatibleSignature(event));
    expect(await send(event, { semanticsignature })).toBe('INVALID_SIGNATURE');
  });

  it("is rejected in Nest's own frame, whose text is not kept", async () => {
    const text = compatibleText(compatibleEvent('py.echo'));
    client.socket.send(`{"event":"py.echo","data":${text}}`);
    expect((await client.next()).data.code).toBe('INVALID_SIGNATURE');
  });

  it('gets a reply that its sender can verify, and that is rejected if sent back', async () => {
    const request = compatibleEvent('py.echo', { data: '[1e-07,"\\u00e9",1]' });
    expect(await send(request)).toBe('py.echoed');
    const { event } = answer;
    expect(event).toMatchObject({ source: OWN_SOURCE, semanticcorrelationid: request.id });
    expect(event.semanticnonce).toMatch(/^[0-9a-f]{16}$/);
    const { id, type, source, time, semanticnonce: nonce } = event as SemanticEvent;
    const answered = { id, type, source, time: time!, nonce: nonce!, data: request.data };
    expect(event.semanticsignature).toBe(compatibleSignature(answered));
    // The default EventAuthorizer rejects it first; the signer would reject it, too.
    expect(await send(answered)).toBe('FORBIDDEN');
  });

  it('gets a v1 reply if the request was not verified', async () => {
    expect(await send(compatibleEvent('py.unsigned'))).toBe('py.unsigned.reply');
    expect(client.verifies(answer.event as Json)).toBe(true);
  });

  it('does not affect v1 on the same connection', async () => {
    client.emit('py.echo', { a: 1 }, { subject: 'signed' });
    const { event } = await client.next();
    expect(client.verifies(event as Json)).toBe(true);
    expect(calls()).toMatchObject([{ event: { subject: 'signed' }, unverified: {} }]);
  });

  it('of 60 kB takes linear time, whatever its content', async () => {
    const member = (at: number) => `"${String(at).padStart(6, '0')}":-0.0`;
    const size = 60_000;
    const fills = [
      (n: number) => `"${'\\u007f'.repeat(n / 6)}"`,
      (n: number) => `"${'\\\\'.repeat(n / 2)}"`,
      (n: number) => `[${'1.0,'.repeat(n / 4)}1]`,
      (n: number) => '9'.repeat(300) + '.' + '9'.repeat(n - 301),
      (n: number) => `{${Array.from({ length: n / 14 }, (_, at) => member(at)).join()}}`,
      (n: number) => `{"${'k'.repeat(n / 2)}a":1,"${'k'.repeat(n / 2)}b":1}`,
    ];
    for (const fill of fills) {
      const cost = async (n: number) => {
        const text = compatibleText(compatibleEvent('py.echo'), {}, fill(n));
        const before = process.cpuUsage();
        expect(await outcome(text)).toBe('INVALID_SIGNATURE');
        const { user } = process.cpuUsage(before);
        return user / 1_000;
      };
      // The minimum of three, because the first run is not compiled yet. A slow machine needs about
      // 100 ms.
      const costs = [await cost(size), await cost(size), await cost(size)];
      expect(Math.min(...costs)).toBeLessThan(600);
    }
  });
});
