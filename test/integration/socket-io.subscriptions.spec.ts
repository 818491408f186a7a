import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { OpenGateway, RoomGateway } from '../helpers/io.gateways.js';
import { ConnectionManager, EventMesh, SecureGateway } from '../../lib/index.js';

const start = (gateways: Parameters<typeof startIo>[0]['gateways'] = [DemoGateway]) =>
  startIo({ gateways, options: { mesh: { allow: ['news.*'] } } });

describe('subscriptions over Socket.IO', () => {
  it('deliver signed events with a cursor, and resume after it', async () => {
    const app = await start();
    const mesh = app.nest.get(EventMesh);
    const client = await IoClient.login(app);
    client.socket.emit('subscribe', { patterns: ['news.*'], id: '1' });
    expect(await client.next('subscribed')).toMatchObject({ patterns: ['news.*'], id: '1' });
    await mesh.emit('news.today', 1);
    const { event, cursor } = await client.next('event');
    expect(event).toMatchObject({ type: 'news.today', data: 1 });
    expect(client.verifies(event)).toBe(true);

    client.socket.disconnect();
    await mesh.emit('news.today', 2);
    const next = await IoClient.login(app);
    next.socket.emit('subscribe', { patterns: ['news.*'], since: cursor });
    expect((await next.next('event')).event).toMatchObject({ data: 2 });
  });

  it.each([
    undefined,
    null,
    'news.*',
    [],
    {},
    { patterns: [] },
    { patterns: ['a..b'] },
    { patterns: [1] },
  ])('are rejected for %p, which is not a list of patterns', async body => {
    const client = await IoClient.login(await start());
    client.socket.emit('subscribe', body);

    expect(await client.next('exception')).toMatchObject({ code: 'BAD_FRAME' });
  });

  it('are rejected without the right, with the id of the frame', async () => {
    const client = await IoClient.login(await start());
    client.socket.emit('subscribe', { patterns: ['news.*', 'secret.*'], id: 'mine' });

    expect(await client.next('exception')).toMatchObject({ code: 'FORBIDDEN', id: 'mine' });
  });

  it('count for the client, in all its namespaces together', async () => {
    const app = await start([DemoGateway, RoomGateway]);
    const client = await IoClient.login(app);
    const rooms = ['/room-1', '/room-2'].map(
      namespace => new IoClient(client.socket.io.socket(namespace, {})),
    );
    const patterns = (name: string) => Array.from({ length: 20 }, (_, at) => `news.${name}${at}`);
    client.socket.emit('subscribe', { patterns: patterns('a') });
    await client.next('subscribed');
    for (const { socket } of rooms) socket.emit('subscribe', { patterns: patterns('b') });
    for (const room of rooms)
      expect(await room.next('exception')).toMatchObject({ code: 'FORBIDDEN' });
    rooms[0]!.socket.emit('subscribe', { patterns: patterns('a').slice(0, 12) });
    await rooms[0]!.next('subscribed');
  });

  it('at once in several namespaces are not more than one client may have', async () => {
    const app = await start([DemoGateway, RoomGateway]);
    const client = await IoClient.login(app);
    const rooms = [1, 2, 3].map(room => new IoClient(client.socket.io.socket(`/room-${room}`, {})));
    for (const { socket } of rooms)
      socket.emit('subscribe', {
        patterns: Array.from({ length: 20 }, (_, at) => `news.${at}`),
        since: 'any',
      });
    const answers = () =>
      rooms.flatMap(({ received }) =>
        received.filter(({ name }) => name === 'subscribed' || name === 'exception'),
      );
    await eventually(() => answers().length === 3);
    expect(answers().filter(({ name }) => name === 'subscribed')).toHaveLength(1);
    expect(answers().filter(({ body }) => body.code === 'FORBIDDEN')).toHaveLength(2);
  });

  it('require authentication', async () => {
    const app = await start([OpenGateway]);
    const client = IoClient.open(app.port, { namespace: '/open' });
    client.socket.emit('subscribe', { patterns: ['news.*'] });

    expect(await client.next('exception')).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('end with the connection and with the namespace', async () => {
    const app = await start();
    const mesh = app.nest.get(EventMesh);
    const client = await IoClient.login(app);
    client.socket.emit('subscribe', { patterns: ['news.*'] });
    await client.next('subscribed');
    expect(mesh.stats().subscribers).toBe(1);
    client.socket.disconnect();
    await eventually(() => mesh.stats().subscribers === 0);

    const other = await IoClient.login(app);
    other.socket.emit('subscribe', { patterns: ['news.*'] });
    await other.next('subscribed');
    app.nest.get(ConnectionManager).disconnectUser('alice');
    await eventually(() => mesh.stats().subscribers === 0);
  });

  it('are not handled if the gateway has a message of that name', async () => {
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class Own {
      @SubscribeMessage('subscribe')
      subscribe() {
        return { mine: true };
      }
    }
    const client = await IoClient.login(await start([Own]));

    expect(await client.socket.emitWithAck('subscribe', {})).toEqual({ mine: true });
  });
});
