// cspell:ignore nsps
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SecurityEvents } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { tokenFor } from '../helpers/test-app.js';

describe('names that match a namespace pattern', () => {
  it.each([[{}], [{ auth: { token: tokenFor('alice') } }]])(
    'do not stay in memory when their clients have gone: %#',
    async options => {
      let server: { server: { _nsps: Map<string, unknown> } } | undefined;
      class Rooms {
        afterInit(namespace: typeof server) {
          server = namespace;
        }

        @SubscribeMessage('x')
        x() {
          return 1;
        }
      }
      WebSocketGateway({ path: '/events', namespace: /^\/room-.*$/ })(Rooms);
      const app = await startIo({ gateways: [Rooms] });
      const known = server!.server._nsps.size;
      for (let room = 0; room < 5; room++) {
        const client = IoClient.open(app.port, { namespace: `/room-${room}`, ...options });
        await eventually(() => client.received.length > 0);
        client.socket.disconnect();
      }
      await eventually(() => server!.server._nsps.size === known);
    },
  );
});

describe('a token over Socket.IO that the application does not look up in time', () => {
  it('is answered with UNAVAILABLE, and the log has the reason', async () => {
    const seen: unknown[] = [];
    const validateToken = () => new Promise<never>(() => undefined);
    const app = await startIo({
      gateways: [DemoGateway],
      options: { auth: { validateToken, timeout: 1_000 } },
    });
    app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
    const client = IoClient.open(app.port, { auth: { token: 'a token' } });
    expect((await client.next('connect_error')).code).toBe('UNAVAILABLE');
    expect(seen).toContainEqual(
      expect.objectContaining({ code: 'UNAVAILABLE', reason: expect.any(String) as string }),
    );
  });
});

describe('a refusal over Socket.IO', () => {
  it.each([
    ['UNKNOWN_EVENT', 'nowhere', 'text', 'has this name'],
    ['INVALID_EVENT', 'demo.open', '\ud800', 'a lone surrogate'],
  ])('with %s has a reason', async (code, name, data, reason) => {
    const seen: unknown[] = [];
    const app = await startIo({ gateways: [DemoGateway] });
    app.nest.get(SecurityEvents).subscribe(event => seen.push(event));
    const client = await IoClient.login(app);
    client.socket.emit(name, data);
    expect((await client.next('exception')).code).toBe(code);
    expect(seen).toContainEqual(
      expect.objectContaining({ code, reason: expect.stringContaining(reason) as string }),
    );
  });
});
