import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { EventAuthorizer, SemanticEventsAdapter, SemanticEventsModule } from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/transports/socket.io/index.js';
import { ChatGateway } from '../../sample/01-quickstart/chat.gateway.js';
import { LastingRightsAuthorizer } from '../../sample/01-quickstart/lasting-rights.authorizer.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const SECONDS = 5;
const SEED = '20261128';

describe('on a network that cuts, stalls and half-closes', () => {
  it.each([
    ['node', SemanticEventsAdapter],
    ['socket.io', SemanticEventsIoAdapter],
  ])(
    'every request settles, and no event is handled twice or lost (%s)',
    async (way, adapter) => {
      const app = await TestApp.start({
        adapter,
        gateways: [DemoGateway, ChatGateway],
        module: SemanticEventsModule.forRoot({
          signing: { keys: [RING_KEY] },
          auth: { jwt: { secret: JWT_SECRET } },
          connection: { maxConnectionsPerAddress: 1_000, maxConnectionsPerUser: 1_000 },
          mesh: { allow: ['chat.*'] },
          providers: [{ provide: EventAuthorizer, useClass: LastingRightsAuthorizer }],
        }),
      });
      const server = { port: app.port, token: tokenFor('alice'), type: 'demo.echo' };
      // A separate process, so that unhandled rejections behave as in production.
      const bench = spawn(process.execPath, ['bench/faulty-network.js', `${SECONDS}`, SEED, way], {
        env: { ...process.env, NODE_OPTIONS: '', FAULTY_NETWORK_APP: JSON.stringify(server) },
      });
      const [output, errors, [code]] = await Promise.all([
        text(bench.stdout),
        text(bench.stderr),
        once(bench, 'exit'),
      ]);
      const { calls } = app.nest.get(DemoGateway);

      // The output contains the seed, and the problems.
      if (code !== 0) throw new Error(`${output}\n${errors}`);
      expect(calls.length).toBeGreaterThan(0);
      expect(new Set(calls).size).toBe(calls.length);
      const result = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      expect(result).toMatchObject({ unsettled: 0, unhandled: 0, problems: [] });
      expect(result.faults).toBeGreaterThan(20);
      // Each of the four clients at least once, after the last fault.
      expect(result.acknowledged).toBeGreaterThanOrEqual(4);
    },
    180_000,
  );
});
