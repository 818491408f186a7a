import { WebSocketGateway } from '@nestjs/websockets';
import { RateLimit } from '../../lib/index.js';
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
import type { TestClient } from '../helpers/test-client.js';

const codeOf = async (client: TestClient, event: string) => {
  client.sendJson({ event });
  const answer = await client.next();
  return answer.event === 'exception' ? answer.data.code : undefined;
};

describe("on Nest's own adapter, a @SecureGateway", () => {
  it('rejects an unauthenticated client, even with a signed event', async () => {
    const client = await producerOf(await startStock(StockSecureGateway));
    expect(await codeOf(client, 'whoami')).toBe('UNAUTHENTICATED');
    const event = client.event('echo', 'canary');
    expect(await send(client, event)).toEqual({
      event: 'exception',
      data: {
        code: 'UNAUTHENTICATED',
        status: 401,
        message: 'Authentication is required',
        id: event.id,
      },
    });
  });

  it('knows the user that a @Public() handler authenticated', async () => {
    const app = await startStock(StockSecureGateway);
    const [alice, stranger] = [await app.connect(), await app.connect()];
    expect((await logIn(alice, tokenFor('alice'))).event).toBe('login');
    alice.sendJson({ event: 'whoami' });
    expect(await alice.next()).toEqual({ event: 'whoami', data: 'alice' });
    expect(await codeOf(stranger, 'whoami')).toBe('UNAUTHENTICATED');
  });

  it('rejects an invalid token with AUTH_FAILED and without echo', async () => {
    const client = await (await startStock(StockSecureGateway)).connect();
    const refusal = await logIn(client, 'canary');
    expect(refusal).toMatchObject({ event: 'exception', data: { code: 'AUTH_FAILED' } });
    expect(JSON.stringify(refusal)).not.toContain('canary');
    expect(await codeOf(client, 'whoami')).toBe('UNAUTHENTICATED');
  });

  it('rejects a client whose session has expired', async () => {
    const clock = new FakeClock();
    const validateToken = () => ({ id: 'alice', expiresAt: clock.now() + 1_000 });
    const app = await startStock(StockSecureGateway, {
      clock,
      options: { auth: { validateToken } },
    });
    const client = await app.connect();
    await logIn(client, 'any');
    clock.advance(999);
    expect(await codeOf(client, 'whoami')).toBeUndefined();
    clock.advance(1);
    expect(await codeOf(client, 'whoami')).toBe('SESSION_EXPIRED');
  });

  it('answers a signed event with a signed event that has its id', async () => {
    const client = await (await startStock(StockSecureGateway)).connect();
    await logIn(client, tokenFor('alice'));
    const request = client.event('echo', { text: 'grüß dich' });
    const { event, data } = await send(client, request);
    expect(event).toBe('echo.reply');
    expect(data).toMatchObject({
      specversion: '1.0',
      type: 'echo.reply',
      data: { text: 'grüß dich' },
      semanticcorrelationid: request.id,
    });
    expect(client.verifies(data)).toBe(true);
  });

  it('answers with a plain value as <type>.reply', async () => {
    const client = await (await startStock(StockSecureGateway)).connect();
    await logIn(client, tokenFor('alice'));
    const { event, data } = await send(client, client.event('limited', 7));
    expect(event).toBe('limited.reply');
    expect(data.data).toBe(7);
    expect(client.verifies(data)).toBe(true);
  });

  it('answers an unsigned event with a signed one, too', async () => {
    const client = await (await startStock(StockSecureGateway)).connect();
    await logIn(client, tokenFor('alice'));
    const request = { specversion: '1.0', type: 'unsigned', source: 's', id: 'e-1', data: 'x' };
    const { event, data } = await send(client, request);
    expect(event).toBe('unsigned.reply');
    expect(data).toMatchObject({ data: 'x', semanticcorrelationid: 'e-1' });
    expect(client.verifies(data)).toBe(true);
  });

  it('rejects an event that exceeds the configured limits', async () => {
    const options = { event: { maxDepth: 2 } };
    const client = await (await startStock(StockSecureGateway, { options })).connect();
    await logIn(client, tokenFor('alice'));
    const request = { specversion: '1.0', type: 'unsigned', source: 's', id: 'e-1', data: [[[1]]] };
    expect((await send(client, request)).data.code).toBe('INVALID_EVENT');
  });

  it('is protected even if a subclass has its own rate limit', async () => {
    @WebSocketGateway({ path: '/events' })
    @RateLimit({ rate: 1 })
    class SubGateway extends StockSecureGateway {}
    const client = await (await startStock(SubGateway)).connect();
    expect(await codeOf(client, 'whoami')).toBe('UNAUTHENTICATED');
  });

  it('sends no details of an internal error', async () => {
    const client = await (await startStock(StockSecureGateway)).connect();
    await logIn(client, tokenFor('alice'));
    const event = client.event('throws', 'canary');
    expect(await send(client, event)).toEqual({
      event: 'exception',
      data: { code: 'INTERNAL', status: 500, message: 'Something went wrong', id: event.id },
    });
  });
});

describe("on Nest's own adapter, without @SecureGateway", () => {
  it('sends what the handler returned', async () => {
    const client = await producerOf(await startStock(StockBareGateway));
    expect(await send(client, client.event('echo', 1))).toEqual({ event: 'echo.reply', data: 1 });
  });

  it('guards a handler with AuthenticatedGuard alone', async () => {
    const client = await (await startStock(StockBareGateway)).connect();
    client.sendJson({ event: 'guarded', data: 'canary' });
    const refusal = await client.next();
    expect(refusal).toMatchObject({ event: 'exception', data: { code: 'UNAUTHENTICATED' } });
    expect(JSON.stringify(refusal)).not.toContain('canary');
  });
});
