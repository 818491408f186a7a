import { SemanticEventsClient } from '../../lib/client/index.js';
import { WebSocket } from 'ws';
import { eventually, pause } from '../helpers/eventually.js';
import { FaultyProxy } from '../helpers/faulty-proxy.js';
import { startMesh } from '../helpers/mesh-app.js';
import { tokenFor } from '../helpers/test-app.js';

const OFF = 5_000;
const PACE = 10;

describe('a client offline for five seconds', () => {
  it.each(['closed', 'silent'])(
    'with a %s connection resumes with each event once, in order, and none missing',
    async how => {
      const { app, mesh } = await startMesh(['chat.*']);
      const proxy = await FaultyProxy.start(app.port);
      const client = new SemanticEventsClient({
        url: proxy.url.replace('redis:', 'ws:') + '/events',
        getToken: () => tokenFor('alice'),
        WebSocket,
        pingInterval: 200,
        pongTimeout: 1_000,
        maxBackoff: 500,
      });
      try {
        const received: unknown[] = [];
        const gaps: unknown[] = [];
        client.on('gap', gap => gaps.push(gap));
        await client.connect();
        await client.subscribe('chat.*', ({ data }) => {
          received.push(data);
        }).ready;
        let published = 0;
        const publishUntil = async (time: number) => {
          while (Date.now() < time) {
            await mesh.emit('chat.said', published++);
            await pause(PACE);
          }
        };
        await publishUntil(Date.now() + 200);
        await eventually(() => received.length > 0);

        proxy.isRefusing = true;
        if (how === 'closed') proxy.cut();
        else proxy.holdAnswers();
        await eventually(() => client.state !== 'connected');
        // Events that were in transit.
        let before = -1;
        while (before !== received.length) {
          before = received.length;
          await pause(300);
        }
        await publishUntil(Date.now() + OFF);
        expect(received.length).toBe(before);
        expect(published - before).toBeGreaterThan(50);

        proxy.isRefusing = false;
        await eventually(() => received.length >= published);
        expect(received).toEqual(Array.from({ length: published }, (_, n) => n));
        expect(gaps).toEqual([]);
      } finally {
        client.close();
        await proxy.close();
      }
    },
  );
});
