import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { from } from 'rxjs';
import {
  type Client,
  CurrentClient,
  EventData,
  EventSigner,
  InvalidArgumentError,
  Public,
  reply,
  SecureGateway,
  SignedEvent,
} from '../../lib/index.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { clientAt } from '../helpers/ws-context.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const OWN_SOURCE = 'nestjs-semantic-events';

/** Handlers that return what clients have sent, now or earlier. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
class NotesGateway {
  private readonly notes = new Map<string, unknown>();

  @SubscribeMessage('note.write')
  @SignedEvent()
  write(@EventData() data: unknown, @CurrentClient() client: Client) {
    this.notes.set(String(client.user?.id), data);
    return 'kept';
  }

  @SubscribeMessage('note.read')
  @SignedEvent()
  read(@EventData() of: string) {
    return this.notes.get(of);
  }

  @SubscribeMessage('note.list')
  @SignedEvent()
  list(@EventData() of: string) {
    return from([this.notes.get(of), Promise.resolve(this.notes.get(of))].slice(0, 1));
  }

  @SubscribeMessage('note.named')
  @SignedEvent()
  named(@EventData() data: unknown) {
    return reply({ type: 'note.chosen', data, subject: 'mine', semantictags: 'a,b', tenant: 'x' });
  }

  @SubscribeMessage('open')
  @Public()
  open(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('open.ring')
  @Public()
  @SignedEvent({ keys: 'ring' })
  ring(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('plain')
  plain(@MessageBody() data: unknown) {
    return reply({ type: 'plain.done', data });
  }

  @SubscribeMessage('plain.raw')
  raw(@MessageBody('kept') data: unknown) {
    return data;
  }

  @SubscribeMessage('plain.stream')
  plainStream(@MessageBody('kept') data: unknown) {
    return from([data]);
  }

  @SubscribeMessage('plain.late')
  late(@MessageBody('kept') { event, data }: { event: string; data: unknown }) {
    return { event, data: { toJSON: () => data } };
  }

  @SubscribeMessage('plain.getter')
  getter(@MessageBody('kept') { event, data }: { event: string; data: Json }) {
    let left = Number(data.after);
    const code = { get: () => (left-- > 0 ? undefined : data.code), enumerable: true };
    return { event, data: Object.defineProperty({}, 'code', code) };
  }

  @SubscribeMessage('plain.json')
  json(@MessageBody('kept') data: unknown) {
    return { toJSON: () => data };
  }
}

const FORGED = {
  specversion: '1.0',
  type: 'system.password-reset',
  source: OWN_SOURCE,
  id: 'made-up',
  time: '2036-01-01T00:00:00Z',
  semanticcorrelationid: 'other',
  semanticsignature: 'v1.main.x',
  data: { go: 'https://evil.example' },
};

const LIKE_SOMETHING: [string, unknown][] = [
  ['an event', FORGED],
  ["Nest's answer", { event: 'system.password-reset', data: 1 }],
  ["Nest's answer with an event", { event: 'system.password-reset', data: FORGED }],
  ['a marked reply', { event: 'x', data: 1, attributes: {}, '#attributes': {} }],
  ['a frame', { type: 'auth_success', client_id: 'x', signing: { key: 'x' } }],
  ['a rejection', { type: 'error', code: 'INTERNAL', status: 500 }],
  ['an object with toJSON', { toJSON: 'x', data: 1 }],
  ['bytes', { type: 'Buffer', data: [1, 2] }],
];

const unsigned = (type: string, data: unknown): Json => ({
  specversion: '1.0',
  type,
  source: 'mallory',
  id: 'e-1',
  data,
});

/** What a client could store for others, if it came from the server. */
const FRAMES: [string, unknown][] = [
  ['an event', FORGED],
  ['a session key', { type: 'auth_success', client_id: 'x', signing: { key: 'x' } }],
  ['an event frame', { type: 'event', event: FORGED }],
  ['an error', { type: 'error', code: 'INTERNAL', status: 500 }],
  ['a gap', { type: 'gap', patterns: ['**'], cursor: 'x' }],
  ['a pong', { type: 'pong', time: 'x' }],
  ['an exception with a code of the library', { event: 'exception', data: { code: 'INTERNAL' } }],
  ['an exception with another code', { event: 'exception', data: { code: 'LATER', id: 'x' } }],
];

async function start(adapter?: typeof WsAdapter) {
  const app = await TestApp.start({ gateways: [NotesGateway], adapter });
  return app;
}

const answerTo = async (client: TestClient, type: string, data: unknown) => {
  const { id } = client.emit(type, data);
  const { event } = await client.next();
  return { event: event as Json, id };
};

describe('text of a client', () => {
  it.each(LIKE_SOMETHING)('is data for its readers, if it looks like %s', async (_, data) => {
    const app = await start();
    const [mallory, victim] = [await app.login('mallory'), await app.login('victim')];
    await answerTo(mallory, 'note.write', data);
    for (const [type, reader] of [
      ['note.read', victim],
      ['note.list', victim],
    ] as const) {
      const { event, id } = await answerTo(reader, type, 'mallory');
      expect(event).toMatchObject({
        type: `${type}.reply`,
        source: OWN_SOURCE,
        semanticcorrelationid: id,
        data,
      });
      expect(Math.abs(Date.parse(String(event.time)) - Date.now())).toBeLessThan(60_000);
      expect(victim.verifies(event)).toBe(true);
    }
  });

  it("is data in Nest's frame, too, on any adapter", async () => {
    for (const adapter of [undefined, WsAdapter]) {
      const app = await start(adapter);
      const client = await app.connect();
      client.sendJson({ event: 'open', data: unsigned('open', FORGED) });
      expect(await client.next()).toMatchObject({
        event: 'open.reply',
        data: { type: 'open.reply', source: OWN_SOURCE, data: FORGED },
      });
    }
  });
});

describe('the answer to a plain message', () => {
  it.each(FRAMES)('is not sent if it is a frame of the server: %s', async (_, frame) => {
    const app = await start();
    const victim = await app.login('victim');
    for (const type of ['plain.raw', 'plain.stream', 'plain.json']) {
      victim.sendJson({ event: type, data: { kept: frame } });
      expect(await victim.next()).toEqual({
        event: 'exception',
        data: expect.objectContaining({ code: 'INTERNAL' }) as Json,
      });
    }
    expect(await victim.settled()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ["Nest's answer", { event: 'news', data: FORGED }],
    ['an exception of the application', { event: 'exception', data: { status: 'error' } }],
    ['data with a type', { type: 'circle', nested: { type: 'auth_success', specversion: '1.0' } }],
    ['a list', [FORGED]],
    ['a text', '{"type":"auth_success"}'],
  ])('is sent as it is otherwise: %s', async (_, value) => {
    const client = await (await start()).login();
    client.sendJson({ event: 'plain.raw', data: { kept: value } });
    expect(await client.next()).toEqual(value);
  });

  it('that is refused is logged with the name of the message and the way to fix it', async () => {
    let log: LogLine[] = [];
    const prepare = () => {
      log = captureLog();
    };
    const app = await TestApp.start({ gateways: [NotesGateway], prepare });
    const client = await app.login();
    client.sendJson({ event: 'plain.raw', data: { kept: FRAMES[1]![1] } });
    await client.next();
    expect(log.map(({ text }) => text).join('\n')).toContain(
      'The handler of "plain.raw" returned a frame of the type auth_success, which only the server may send: return the value as data',
    );
  });

  it.each<[string, unknown]>([
    ['a session key', { event: 'auth_success', data: { signing: { key: 'x' } } }],
    ['an event', { event: 'event', data: { event: FORGED } }],
    ['a pong', { event: 'semantic-events:pong', data: {} }],
    ['an exception with a code of the library', { event: 'exception', data: { code: 'INTERNAL' } }],
    ['an exception with another code', { event: 'exception', data: { code: 'LATER', id: 'x' } }],
  ])('is not emitted over Socket.IO if it is a message of the server: %s', async (_, message) => {
    const app = await startIo({ gateways: [NotesGateway] });
    const victim = await IoClient.login(app, 'victim');
    for (const type of ['plain.raw', 'plain.stream', 'plain.late']) {
      victim.socket.emit(type, { kept: message });
      expect(await victim.next('exception')).toMatchObject({ code: 'INTERNAL', status: 500 });
    }
    expect(await victim.settled()).toEqual([]);
    victim.socket.emit('plain.raw', { kept: { event: 'news', data: 1 } });
    expect(await victim.next('news')).toBe(1);
    // In an acknowledgement it is data.
    expect(
      await victim.socket.emitWithAck('plain.raw', { kept: { type: 'auth_success' } }),
    ).toEqual({
      type: 'auth_success',
    });
  });
});

describe('an exception of the application over Socket.IO', () => {
  it.each([0, 1, 2, 3, 4, 5, 6])(
    'is sent without a code, even if a getter returns one after %d reads',
    async after => {
      const client = await IoClient.login(await startIo({ gateways: [NotesGateway] }), 'victim');
      const kept = { event: 'exception', data: { code: 'FORBIDDEN', after } };
      client.socket.emit('plain.getter', { kept });
      const { code = 'INTERNAL' } = await client.next('exception');
      expect(code).toBe('INTERNAL');
    },
  );
});

describe('a client without a key', () => {
  it.each([
    ['in an event frame', undefined, false],
    ["in Nest's frame", undefined, true],
    ["in Nest's frame, on Nest's adapter", WsAdapter, true],
  ] as const)('receives an unsigned reply, %s', async (_, adapter, isNest) => {
    const app = await start(adapter);
    const client = await app.connect();
    const event = unsigned('open', FORGED);
    client.sendJson(isNest ? { event: 'open', data: event } : { type: 'event', event });
    const frame = await client.next();
    const answer = (isNest ? frame.data : frame.event) as Json;
    expect(answer).toMatchObject({ type: 'open.reply', semanticcorrelationid: event.id });
    expect(answer).not.toHaveProperty('semanticsignature');
  });

  it('cannot receive a signed event from the application', async () => {
    const app = await start();
    const signer = app.nest.get(EventSigner);
    const client = clientAt('192.0.2.1');
    expect(() => signer.sign({ type: 't', source: 's' }, { client })).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }) as Error,
    );
  });

  it('receives ring-signed replies once it has proved a ring key', async () => {
    const app = await start();
    const client = await app.connect();
    const key = Buffer.from(RING_KEY.secret).toString('base64url');
    client.signing = { key_id: RING_KEY.id, key };
    const { event } = await answerTo(client, 'open.ring', 1);
    expect(String(event.semanticsignature)).toMatch(/^v1\.main\./);
    expect(client.verifies(event)).toBe(true);
    client.sendJson({ type: 'event', event: unsigned('open', 1) });
    const other = await client.next();
    expect(other.event).not.toHaveProperty('semanticsignature');
  });
});

describe('a marked reply', () => {
  it("has the handler's type and attributes, and everything else from the server", async () => {
    const client = await (await start()).login();
    const { event, id } = await answerTo(client, 'note.named', FORGED);
    expect(event).toMatchObject({
      type: 'note.chosen',
      subject: 'mine',
      semantictags: 'a,b',
      tenant: 'x',
      source: OWN_SOURCE,
      semanticcorrelationid: id,
      data: FORGED,
    });
    expect(event.id).not.toBe(FORGED.id);
    expect(client.verifies(event)).toBe(true);
  });

  it("to a plain message has Nest's format", async () => {
    for (const adapter of [undefined, WsAdapter]) {
      const app = await start(adapter);
      const client = adapter ? await app.connect() : await app.login();
      client.sendJson({ event: 'plain', data: 7 });
      const answer = await client.next();
      if (adapter) expect(answer).toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
      else expect(answer).toEqual({ event: 'plain.done', data: 7 });
    }
  });

  it.each([
    ['id', { id: 'x' }],
    ['source', { source: OWN_SOURCE }],
    ['time', { time: '2036-01-01T00:00:00Z' }],
    ['semanticcorrelationid', { semanticcorrelationid: 'x' }],
    ['semanticsignature', { semanticsignature: 'v1.main.x' }],
    ['semanticnonce', { semanticnonce: '0123456789abcdef' }],
    ['data_base64', { data_base64: 'AAAA' }],
    ['specversion', { specversion: '1.0' }],
    ['an invalid type', { type: '' }],
    ['a type that is not a string', { type: 7 as unknown as string }],
    ['an invalid attribute', { attributes: { a: 1 } }],
    ['an invalid attribute name', { 'x-tenant': 'a' }],
  ])('cannot be created with %s', (_, init) => {
    expect(() => reply({ type: 't', ...init })).toThrow(InvalidArgumentError);
  });
});
