import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import { ConnectionManager } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { RawPeer, request } from '../helpers/raw-peer.js';
import { JWT_SECRET, TestApp } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

let app: TestApp;

beforeEach(async () => {
  // Silent connections stay for the duration of a test.
  const auth = { jwt: { secret: JWT_SECRET }, timeout: 600_000 };
  app = await TestApp.start({ gateways: [DemoGateway], options: { auth } });
});

const answerTo = async (text: string) => {
  const peer = await RawPeer.connect(app.port);
  peer.write(text);
  return peer.answer();
};
const openSockets = () =>
  new Promise<number>(resolve => {
    app.nest.getHttpServer().getConnections((_: unknown, count: number) => {
      resolve(count);
    });
  });
/** Waits until at most this many connections are open. */
const settled = async (count: number) => {
  while ((await openSockets()) > count) await pause(5);
};
const stillServes = async () => {
  const client = await app.login();
  client.emit('demo.echo', 'served');
  expect((await client.next()).event.data).toBe('served');
};

describe('an invalid request target', () => {
  it('does not end the process, whatever follows it', async () => {
    for (let round = 0; round < 30; round++) {
      const peer = await RawPeer.connect(app.port);
      peer.write(request('http://['));
      if (round % 3 > 0) await pause(round % 3);
      peer.reset();
    }
    await stillServes();
  });

  it('leaves no socket open', async () => {
    const peer = await RawPeer.connect(app.port);
    peer.write(request('http://['));
    await peer.gone;
    await settled(0);
  });
});

describe('a handshake', () => {
  it('is rejected if its method is not GET', async () => {
    for (const method of ['POST', 'HEAD', 'OPTIONS', 'DELETE'])
      expect((await answerTo(request('/events', {}, method))).status).toBe(405);
  });

  it('of another version is rejected with the supported versions', async () => {
    const { status, head } = await answerTo(request('/events', { 'Sec-WebSocket-Version': '99' }));
    expect(status).toBe(400);
    expect(head).toMatch(/Sec-WebSocket-Version: 13/);
  });

  it('selects the first supported subprotocol, or none', async () => {
    const selected = async (offer: string) =>
      /Sec-WebSocket-Protocol: (.*)/.exec(
        (await answerTo(request('/events', { 'Sec-WebSocket-Protocol': offer }))).head,
      )?.[1];
    expect(await selected('x, cloudevents.json, semantic-events.v1')).toBe('cloudevents.json');
    expect(await selected('semantic-events.v1, cloudevents.json')).toBe('semantic-events.v1');
    expect(await selected('semantic-events.v2, constructor')).toBeUndefined();
  });

  it('never negotiates compression', async () => {
    const offer = 'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame';
    const { status, head } = await answerTo(
      request('/events', { 'Sec-WebSocket-Extensions': offer }),
    );
    expect(status).toBe(101);
    expect(head).not.toMatch(/Sec-WebSocket-Extensions/i);
  });

  it('with oversized headers is rejected with 431, and the server continues', async () => {
    const headers = { Cookie: 'x'.repeat(100_000) };
    expect((await answerTo(request('/events', headers))).status).toBe(431);
    await stillServes();
  });

  it('that is not HTTP is rejected with 400, and the server continues', async () => {
    for (const text of [
      '\0'.repeat(100),
      'GET\r\n\r\n',
      '\u0016\u0003\u0001\u0002\0\u0001',
      'x'.repeat(50_000),
    ])
      expect((await answerTo(text)).status).toBeGreaterThanOrEqual(400);
    await stillServes();
  });

  it('in one-byte pieces is accepted like one in one piece', async () => {
    const peer = await RawPeer.connect(app.port);
    peer.socket.setNoDelay();
    for (const byte of Buffer.from(request())) {
      peer.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect((await peer.answer()).status).toBe(101);
  });

  it('that is slow uses no slot, and does not delay others', async () => {
    for (let slow = 0; slow < 50; slow++)
      (await RawPeer.connect(app.port)).write('GET /events HTTP/1.1\r\nHost: x\r\nX: ');
    await pause(20);
    expect(app.nest.get(ConnectionManager).count).toBe(0);
    await stillServes();
  });

  it('that breaks off at any byte leaves no connection', async () => {
    const text = request();
    for (let length = 0; length < text.length; length += 16) {
      const peer = await RawPeer.connect(app.port);
      peer.write(text.slice(0, length));
      await new Promise(setImmediate);
      peer.reset();
    }
    await eventually(() => app.nest.get(ConnectionManager).count === 0);
    await stillServes();
  });

  it('twice on one connection opens one connection only', async () => {
    const peer = await RawPeer.connect(app.port);
    peer.write(request() + request());
    expect((await peer.answer()).status).toBe(101);
    expect(await peer.closeCode()).toBe(1002);
    peer.socket.destroy();
    await eventually(() => app.nest.get(ConnectionManager).count === 0);
  });

  it.each([
    ...['//x/events', '/x/../events', '/./events', '/x/%2e%2e/events', '/%65vents', '/\\x/events'],
    ...[
      '\\\\x\\events',
      '/x\\..\\events',
      'http://x/events',
      '/events#/x',
      '/events/.',
      '/events;x',
    ],
  ])('no gateway is reached by a path that a proxy may take for another: %s', async path => {
    const { status, head } = await answerTo(request(path));
    expect(status === 404 || head.startsWith('HTTP/1.1 400')).toBe(true);
    await stillServes();
  });

  it.each(['/%', '/events%00', '/EVENTS', '/events/', '/events/x', '*', '/', 'http://['])(
    'to %s, where no gateway is, is rejected with 404, and the server continues',
    async path => {
      const { status, head, body } = await answerTo(request(path));
      expect(status).toBe(404);
      expect(head).toMatch(/Content-Type: application\/json/);
      expect((JSON.parse(body) as Json).code).toBe('UNKNOWN_PATH');
      await settled(0);
      await stillServes();
    },
  );
});

describe('another upgrade listener of the same server', () => {
  it.each(['before', 'after'])(
    'added %s this library receives the requests for other paths',
    async order => {
      const others = new WebSocketServer({ noServer: true });
      others.on('connection', socket => {
        socket.send('"other"');
      });
      const listen = (nest: INestApplication) =>
        nest.getHttpServer().on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
          if (req.url !== '/other') return;
          others.handleUpgrade(req, socket, head, opened => others.emit('connection', opened, req));
        });
      const shared = await TestApp.start({
        gateways: [DemoGateway],
        options: { auth: { jwt: { secret: JWT_SECRET }, timeout: 2_000 } },
        prepare: nest => {
          if (order === 'before') listen(nest);
        },
      });
      if (order === 'after') listen(shared.nest);
      const other = await shared.connect('/other');
      const client = await shared.login();
      expect(await other.next()).toBe('other');
      // A request without any listener does not stay open.
      const unwanted = await RawPeer.connect(shared.port);
      unwanted.write(request('/nobody'));
      await unwanted.gone;
      expect(other.socket.readyState).toBe(other.socket.OPEN);
      client.emit('demo.echo', 'ours');
      expect((await client.next()).event.data).toBe('ours');
    },
  );
});

describe('ordinary HTTP on the same server', () => {
  it('works with any number of silent connections', async () => {
    const silent = await Promise.all(Array.from({ length: 300 }, () => RawPeer.connect(app.port)));
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => fetch(`http://127.0.0.1:${app.port}/nothing`)),
    );
    expect(answers.every(({ status }) => status === 404)).toBe(true);
    expect(silent.every(({ socket }) => !socket.destroyed)).toBe(true);
    await stillServes();
  });
});

describe('TCP connections that send nothing', () => {
  it('are limited to 1,000 per address, whatever else it opens', async () => {
    for (let batch = 0; batch < 12; batch++)
      await Promise.all(Array.from({ length: 100 }, () => RawPeer.connect(app.port)));
    await settled(1_000);
    expect(await openSockets()).toBeGreaterThan(900);
    await stillServes();
  });
});
