import { FakeClock } from '../helpers/fake-clock.js';
import {
  logIn,
  producerOf,
  send,
  startStock,
  StockBareGateway,
  StockSecureGateway,
} from '../helpers/stock.gateways.js';
import { tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

/** Sends events at once and returns the only rejection among the answers. */
async function sendAll(client: TestClient, events: Json[]): Promise<Json> {
  for (const event of events) client.sendJson({ event: event.type, data: event });
  const answers = await client.take(events.length);
  const [refusal, ...others] = answers.filter(({ event }) => event === 'exception') as [Json];
  expect(others).toEqual([]);
  return refusal;
}

const copies = (event: Json) => [event, event];
const LONG_AGO = '2020-01-01T00:00:00Z';

const REFUSED: [string, string, (client: TestClient) => Promise<Json>][] = [
  ['null', 'INVALID_EVENT', c => send(c, null as unknown as Json, 'echo')],
  ['a list', 'INVALID_EVENT', c => send(c, ['canary'], 'echo')],
  ['malformed', 'INVALID_EVENT', c => send(c, c.event('echo', 'canary', { subject: 7 }))],
  [
    'without nonce',
    'INVALID_EVENT',
    c => send(c, c.event('echo', 1, { semanticnonce: undefined })),
  ],
  ['unsigned', 'INVALID_SIGNATURE', c => send(c, { ...c.event('echo'), semanticsignature: '' })],
  ['tampered', 'INVALID_SIGNATURE', c => send(c, { ...c.event('echo', 1), data: 'canary' })],
  ['signed for another handler', 'INVALID_SIGNATURE', c => send(c, c.event('validated'), 'echo')],
  ['expired', 'EVENT_EXPIRED', c => send(c, c.event('echo', 'canary', { time: LONG_AGO }))],
  ['with invalid data', 'INVALID_EVENT', c => send(c, c.event('validated', { name: 'canary' }))],
  ['replayed', 'REPLAY_DETECTED', c => sendAll(c, copies(c.event('echo', 'canary')))],
  [
    'over the limit',
    'RATE_LIMITED',
    c =>
      sendAll(
        c,
        [1, 2].map(() => c.event('limited', 'canary')),
      ),
  ],
];

describe.each([
  ['a @SecureGateway', StockSecureGateway],
  ['a gateway with bare @SignedEvent and @RateLimit', StockBareGateway],
])("on Nest's own adapter, %s", (_, gateway) => {
  async function start(more = {}): Promise<TestClient> {
    const client = await producerOf(await startStock(gateway, more));
    if (gateway === StockSecureGateway) await logIn(client, tokenFor('alice'));
    return client;
  }

  it.each(REFUSED)('rejects an event that is %s with %s and without echo', async (_, code, act) => {
    const client = await start();
    const refusal = await act(client);
    expect(refusal).toMatchObject({ event: 'exception', data: { code } });
    expect(refusal.data.message).toEqual(expect.any(String));
    expect(['status', 'code', 'message', 'id', 'retry_after']).toEqual(
      expect.arrayContaining(Object.keys(refusal.data)),
    );
    expect(JSON.stringify(refusal)).not.toContain('canary');
    expect((await send(client, client.event('echo', 'still here'))).event).toBe('echo.reply');
  });

  it('names the event it rejects', async () => {
    const client = await start();
    const event: Json = { ...client.event('echo', 1), data: 2 };
    expect((await send(client, event)).data.id).toBe(event.id);
  });

  it('sends the retry delay after a rate limit, and does not consume the nonce', async () => {
    const clock = new FakeClock(Date.now());
    const client = await start({ clock });
    const events = [1, 2].map(number => client.event('limited', number));
    const { data } = await sendAll(client, events);
    expect(data).toMatchObject({ code: 'RATE_LIMITED', id: events[1]!.id });
    clock.advance(data.retry_after * 1_000);
    expect((await send(client, events[1]!)).event).toBe('limited.reply');
  });

  it('handles one of 20 copies sent at once', async () => {
    const client = await start();
    const event = client.event('echo', 'once');
    for (let copy = 0; copy < 20; copy++) client.sendJson({ event: 'echo', data: event });
    const answers = await client.take(20);
    expect(answers.filter(answer => answer.event === 'echo.reply')).toHaveLength(1);
    expect(answers.filter(({ data }) => data.code === 'REPLAY_DETECTED')).toHaveLength(19);
  });
});
