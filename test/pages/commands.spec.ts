import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/free-port.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { take } from '../helpers/run-block.js';

const BUILD_TIMEOUT = 600_000;
const SOURCES = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'esbuild.config.js',
  'types.rollup.config.js',
  'nest-cli.json',
  '.ci/client-size.js',
  'lib',
  'sample',
];

/** The command of a block, without its comment. */
const commandOf = (text: string) => take('README.md', text).code.split('#')[0]!.trim().split(/\s+/);

/** A build takes a minute of a processor that other suites need for what has to happen in time; some of it must be left. */
function stepBack({ pid }: ChildProcess): void {
  if (pid !== undefined) setPriority(pid, 5);
}

/** The first of two ports, one after the other, that nobody listens on. */
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

/** A copy of what a reader has cloned and installed, which may be built while other suites run. */
const folder = mkdtempSync(join(tmpdir(), 'semantic-events-clone-'));

beforeAll(() => {
  for (const name of SOURCES) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('npm run -s keygen prints a fresh key, and nothing else', async () => {
  const [command = '', ...args] = commandOf('keygen');
  const { stdout } = await promisify(execFile)(command, args, { cwd: folder });
  expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
});

describeWithRedis('npm run start:multi-node', () => {
  it(
    'starts two quickstarts, on which one log-in counts',
    async () => {
      const redis = await RedisServer.start();
      const port = await freePair();
      const [command = '', ...args] = commandOf('start:multi-node');
      const running = spawn(command, args, {
        cwd: folder,
        env: { ...process.env, PORT: `${port}`, REDIS_URL: redis.url },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own, so that what npm has started can be ended with it.
        detached: true,
      });
      stepBack(running);
      let said = '';
      for (const stream of [running.stdout, running.stderr])
        stream.on('data', chunk => (said += String(chunk)));
      const ended = new Promise(resolve => running.once('exit', resolve));
      try {
        const urls = [port, port + 1].map(one => `http://127.0.0.1:${one}`);
        const isUp = () => urls.every(url => said.includes(`Listening on ${url}`));
        const isDown = () => running.exitCode !== null || /Error/.test(said);
        await eventually(() => isUp() || isDown(), BUILD_TIMEOUT - 10_000);
        expect(isUp() ? '' : said).toBe('');
        const json = { 'content-type': 'application/json' };
        const body = JSON.stringify({ user: 'alice', password: 'demo' });
        const login = await fetch(`${urls[0]}/auth/login`, { method: 'POST', headers: json, body });
        const { access_token } = (await login.json()) as { access_token: string };
        const ticket = await fetch(`${urls[1]}/auth/ticket`, {
          method: 'POST',
          headers: { authorization: `Bearer ${access_token}` },
        });
        expect(await ticket.json()).toHaveProperty('ticket');
      } finally {
        process.kill(-running.pid!, 'SIGTERM');
        await ended;
        await redis.close();
      }
    },
    BUILD_TIMEOUT,
  );
});
