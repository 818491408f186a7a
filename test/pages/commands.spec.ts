import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/free-port.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { take } from '../helpers/run-block.js';
import { TestClient } from '../helpers/test-client.js';

const START_TIMEOUT = 60_000;

/** Returns the command of a block, without its comment. */
const commandOf = (text: string) =>
  take('docs/redis.md', text).code.split('#')[0]!.trim().split(/\s+/);

/** Returns the first of two consecutive free ports. */
async function freePair(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const second = createServer();
    const isFree = await new Promise<boolean>(resolve => {
      second.once('error', () => {
        resolve(false);
      });
      second.listen(first + 1, '127.0.0.1', () => {
        resolve(true);
      });
    });
    await new Promise(resolve => second.close(resolve));
    if (isFree) return first;
  }
}

it('npm run -s keygen prints only a new key', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'keygen']);
  expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
});

it('npm start on a used port prints how to choose another', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const env = { ...process.env, PORT: `${port}` };
    await expect(promisify(execFile)('npm', ['start'], { env })).rejects.toMatchObject({
      stderr: expect.stringContaining(
        `Port ${port} is in use. Choose another: PORT=${port + 1} npm start`,
      ),
    });
  } finally {
    server.close();
  }
});

describeWithRedis('npm run start:multi-node', () => {
  it(
    'starts two quickstarts that share one log-in',
    async () => {
      const redis = await RedisServer.start();
      const port = await freePair();
      const [command = '', ...args] = commandOf('start:multi-node');
      const running = spawn(command, args, {
        env: { ...process.env, PORT: `${port}`, REDIS_URL: redis.url },
        stdio: ['ignore', 'pipe', 'pipe'],
        // In its own process group, so that everything npm has started can be ended.
        detached: true,
      });
      let said = '';
      for (const stream of [running.stdout, running.stderr])
        stream.on('data', chunk => (said += String(chunk)));
      const ended = new Promise(resolve => running.once('exit', resolve));
      try {
        const urls = [port, port + 1].map(one => `http://127.0.0.1:${one}`);
        const isUp = () => urls.every(url => said.includes(`Open ${url}/ and log in as alice`));
        const isDown = () => running.exitCode !== null || /Error/.test(said);
        await eventually(() => isUp() || isDown(), START_TIMEOUT);
        expect(isUp() ? '' : said).toBe('');
        const json = { 'content-type': 'application/json' };
        const body = JSON.stringify({ user: 'alice', password: 'demo' });
        const login = await fetch(`${urls[0]}/auth/login`, { method: 'POST', headers: json, body });
        const { access_token } = (await login.json()) as { access_token: string };
        const ticket = await fetch(`${urls[1]}/auth/ticket`, {
          method: 'POST',
          headers: { authorization: `Bearer ${access_token}` },
        });
        const { ticket: credential } = (await ticket.json()) as { ticket: string };
        // A page opened at localhost connects as well as one at 127.0.0.1.
        for (const name of ['localhost', '127.0.0.1']) {
          const origin = `http://${name}:${port}`;
          const client = await TestClient.connect(`ws://127.0.0.1:${port + 1}/events`, { origin });
          if (name === 'localhost')
            expect((await client.authenticate(credential)).type).toBe('auth_success');
          client.terminate();
        }
      } finally {
        process.kill(-running.pid!, 'SIGTERM');
        await ended;
        await redis.close();
      }
    },
    START_TIMEOUT + 30_000,
  );
});
