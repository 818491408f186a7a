import { inspect } from 'node:util';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventData,
  EventSigner,
  SecureGateway,
  type SecurityEvent,
  SecurityEvents,
  SignedEvent,
  TicketService,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { captureLog } from '../helpers/log-capture.js';
import { TelemetryRecorder } from '../helpers/telemetry-recorder.js';
import { TestApp } from '../helpers/test-app.js';
import { type Json, TestClient } from '../helpers/test-client.js';

const CANARY = 'c4n4ryc4n4ryc4n4ry';
const KEY = { id: 'main', secret: `${CANARY}-of-the-ring-of-32-bytes-and-more` };

/** Everything a run leaves that operators or clients could read. */
async function runWithCanaries(): Promise<{ left: string; measured: string; frames: Json[] }> {
  const recorder = new TelemetryRecorder();
  const seen: SecurityEvent[] = [];
  const clients: TestClient[] = [];
  const frames: Json[] = [];
  let log: unknown[] = [];
  const app = await TestApp.start({
    gateways: [DemoGateway],
    options: {
      telemetry: recorder.telemetry(),
      signing: { keys: [KEY] },
      auth: {
        validateToken: token => {
          if (token.includes('throws')) throw new Error(`no such token: ${token}`);
          return token.includes('good') ? { id: 'alice', sessionId: CANARY } : null;
        },
        attempts: { burst: 1_000 },
      },
      connection: { maxStrikes: 8 },
    },
    prepare: () => {
      log = captureLog();
    },
  });
  app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
  const headers = { cookie: `session=${CANARY}`, authorization: `Bearer ${CANARY}` };
  const connect = async () => {
    const client = await app.connect(`/events?token=${CANARY}`, { headers });
    clients.push(client);
    return client;
  };
  for (const token of [`${CANARY}.bad`, `${CANARY}.throws`, `ticket.${CANARY}`, CANARY.repeat(400)])
    await (await connect()).authenticate(token);
  const { ticket } = app.nest.get(TicketService).issue({ id: 'bob' });
  for (let use = 0; use < 2; use++) await (await connect()).authenticate(ticket);
  await TestClient.refusal(`ws://127.0.0.1:${app.port}/events?token=${CANARY}`, {
    headers,
    origin: 'https://evil.example',
  });

  const client = await connect();
  await client.authenticate(`${CANARY}.good`);
  client.emit('demo.throws', CANARY);
  client.emit('demo.validated', { name: CANARY });
  client.emit('demo.limited', CANARY, { semanticnonce: CANARY, semanticsignature: 'x' });
  const attributes = { semanticnonce: CANARY, traceparent: CANARY, tracestate: CANARY };
  const event = client.event('demo.echo', CANARY, attributes);
  for (let use = 0; use < 2; use++) client.sendJson({ type: 'event', event });
  client.sendJson({ type: 'event', event: { ...event, semanticsignature: `v1.main.${CANARY}` } });
  client.socket.send(`{${CANARY}`);
  client.sendJson({ event: 'plain.throws', data: CANARY });
  frames.push(...(await client.take(8)), ...(await client.settled()));
  const remaining = clients.flatMap(({ received }) => received.splice(0));
  const closes = await Promise.all(
    clients.slice(0, 4).map(async closing => (await closing.closed).reason),
  );
  const metrics = await recorder.metrics();
  await app.stop();
  const errors = [...frames, ...remaining].filter(({ type }) => type === 'error');
  const spans = recorder.spans.map(span => {
    const { name, attributes: labels, status, events, links, parentSpanContext } = span;
    return [name, labels, status, events, links, parentSpanContext];
  });
  const text = (what: unknown) => inspect(what, { depth: 20, maxArrayLength: null });
  const measured = text([metrics, spans]);
  return { left: text([log, seen, errors, closes]) + measured, measured, frames };
}

describe('the output of a run with a secret in every place', () => {
  it('contains no secret: logs, events, metrics, spans, error frames and close reasons', async () => {
    const { left, measured, frames } = await runWithCanaries();
    for (const code of ['AUTH_FAILED', 'INVALID_SIGNATURE', 'REPLAY_DETECTED', 'BAD_FRAME'])
      expect(left).toContain(code);
    for (const name of ['process demo.echo', 'event.refused', 'authentication.duration'])
      expect(measured).toContain(name);
    expect(left).toContain('auth.validateToken threw Error');
    expect(frames.some(({ event }) => event?.data === CANARY)).toBe(true);
    expect(left.split('\n').filter(line => line.includes(CANARY))).toEqual([]);
    expect(left).not.toContain(Buffer.from(CANARY).toString('base64url'));
  });
});

describe('log injection', () => {
  it('does not break out of its line: event types, origins and users', async () => {
    const lines: Json[] = [];
    const app = await TestApp.start({
      gateways: [DemoGateway],
      prepare: () => {
        lines.push(captureLog());
      },
    });
    const client = await app.login('al\nice\u202e');
    client.sendJson({ event: 'x\n[Nest] 1 - ERROR forged\u2028\u001b[2J', data: 1 });
    await client.next();
    const text = (lines[0] as { context: string; text: string }[])
      .filter(({ context }) => context === 'Security')
      .map(line => line.text);
    expect(text.some(line => line.includes('UNKNOWN_EVENT'))).toBe(true);
    for (const line of text) expect(line).toMatch(/^[\x20-\x7e…]+$/);
  });
});

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class RingGateway {
  @SubscribeMessage('ring')
  @SignedEvent()
  ring(@EventData() data: unknown) {
    return data;
  }
}

describe('key rotation while 50 clients send', () => {
  it('rejects nothing, and the old key is rejected once it is removed', async () => {
    const [OLD, NEW] = ['old', 'new'].map(id => ({ id, secret: EventSigner.generateKey() }));
    const clock = new FakeClock(Date.now());
    const app = await TestApp.start({
      gateways: [RingGateway],
      clock,
      options: { signing: { keys: [OLD!] } },
    });
    const signer = app.nest.get(EventSigner);
    const clients = await Promise.all(
      Array.from({ length: 50 }, (_, number) => app.login(`user-${number}`)),
    );
    const signing = ({ id, secret }: { id: string; secret: string }) => ({
      key_id: id,
      key: Buffer.from(secret).toString('base64url'),
    });
    const byRing = (client: TestClient, key: typeof OLD) =>
      client.sign(
        client.event('ring', 1, { time: new Date(clock.now()).toISOString() }),
        signing(key!),
      );
    const sendAll = () => {
      for (const client of clients) {
        client.sendJson({ type: 'event', event: byRing(client, OLD) });
        client.emit('ring', 1, { time: new Date(clock.now()).toISOString() });
      }
    };
    sendAll();
    signer.rotate([NEW!, OLD!]);
    sendAll();
    for (const client of clients)
      expect((await client.take(4)).map(({ type }) => type)).toEqual(Array(4).fill('event'));

    clock.advance(300_001);
    signer.rotate([NEW!]);
    const client = clients[0];
    for (const key of [OLD, NEW]) client!.sendJson({ type: 'event', event: byRing(client!, key) });
    client!.emit('ring', 1, { time: new Date(clock.now()).toISOString() });
    expect((await client!.take(3)).map(({ type, code }) => code ?? type)).toEqual([
      'INVALID_SIGNATURE',
      'event',
      'event',
    ]);
  });
});
