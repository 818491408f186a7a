import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { ChatGateway } from '../../sample/01-quickstart/chat.gateway.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

const SECONDS = 5;
const SEED = '20261128';

describe('on a network that cuts, stalls and half-closes', () => {
  it('every request answers or rejects, and no event is handled twice or gets lost', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway, ChatGateway],
      options: {
        connection: { maxConnectionsPerAddress: 1_000, maxConnectionsPerUser: 1_000 },
        mesh: { allow: ['chat.*'] },
      },
    });
    const server = { port: app.port, token: tokenFor('alice'), type: 'demo.echo' };
    // In a process of its own, so that rejections are unhandled as they would be anywhere.
    const bench = spawn(process.execPath, ['bench/faulty-network.js', `${SECONDS}`, SEED], {
      env: { ...process.env, NODE_OPTIONS: '', FAULTY_NETWORK_APP: JSON.stringify(server) },
    });
    const [output, errors, [code]] = await Promise.all([
      text(bench.stdout),
      text(bench.stderr),
      once(bench, 'exit'),
    ]);
    const { calls } = app.nest.get(DemoGateway);

    // What is printed has the seed.
    expect({ code, output, errors }).toMatchObject({ code: 0 });
    expect(calls.length).toBeGreaterThan(0);
    expect(new Set(calls).size).toBe(calls.length);
    const result = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(result).toMatchObject({ unsettled: 0, unhandled: 0, problems: [] });
    expect(result.faults).toBeGreaterThan(20);
    expect(result.acknowledged).toBeGreaterThan(20);
  }, 180_000);
});
