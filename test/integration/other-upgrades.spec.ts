import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { WebSocket, WebSocketServer } from 'ws';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TestApp } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';

const servers: WebSocketServer[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function echoing(server: WebSocketServer): WebSocketServer {
  servers.push(server);
  return server.on('connection', socket =>
    socket.on('message', data => {
      socket.send(data);
    }),
  );
}

/** Serves `/other` as graphql-ws, Vite or a proxy does. */
function serveOther(http: Server): void {
  const other = echoing(new WebSocketServer({ noServer: true }));
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (request.url === '/other')
      other.handleUpgrade(request, socket, head, webSocket =>
        other.emit('connection', webSocket, request),
      );
  });
}

async function echoOf(app: TestApp): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${app.port}/other`);
  await once(socket, 'open');
  socket.send('hi');
  const [data] = (await once(socket, 'message')) as [Buffer];
  socket.terminate();
  return data.toString();
}

const httpOf = (app: INestApplication) => app.getHttpServer() as Server;

describe('another upgrade listener on the same HTTP server', () => {
  it.each(['before', 'after'])(
    'serves its own path, and gateways theirs, if it is added %s them',
    async order => {
      const app = await TestApp.start({
        gateways: [DemoGateway],
        prepare: nest => {
          if (order === 'before') serveOther(httpOf(nest));
        },
      });
      if (order === 'after') serveOther(httpOf(app.nest));
      expect(await echoOf(app)).toBe('hi');
      expect((await app.login()).signing).toBeDefined();
    },
  );

  it('that answers the handshakes of a gateway is named by one warning', async () => {
    let log: LogLine[] = [];
    const app = await TestApp.start({
      gateways: [DemoGateway],
      prepare: nest => {
        log = captureLog();
        echoing(new WebSocketServer({ server: httpOf(nest), path: '/other' }));
      },
    });
    expect(await echoOf(app)).toBe('hi');
    const url = `ws://127.0.0.1:${app.port}/events`;
    for (let times = 0; times < 2; times++)
      await expect(TestClient.connect(url)).rejects.toThrow('400');
    const warnings = log.filter(({ text }) => text.startsWith('Another upgrade listener'));
    expect(warnings).toEqual([
      expect.objectContaining({
        level: 'warn',
        text: expect.stringMatching(/ \/events, .* noServer: true/) as string,
      }),
    ]);
  });
});
