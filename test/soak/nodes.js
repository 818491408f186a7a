// Runs the processes of the soak, nodes and a Redis, which are killed and restarted.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export class Node {
  /** The current port; undefined while the node is down. */
  port;
  #process;
  #isStopping = false;

  constructor(redisUrl, onViolation) {
    this.redisUrl = redisUrl;
    this.onViolation = onViolation;
  }

  async start() {
    const child = fork(new URL('./server.js', import.meta.url), {
      execArgv: ['--expose-gc'],
      env: { ...process.env, REDIS_URL: this.redisUrl },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process = child;
    child.on('message', ({ violation }) => violation && this.onViolation(violation));
    child.on('exit', code => {
      if (!this.#isStopping) this.onViolation(`a node ended by itself, with ${code}`);
    });
    const [{ port }] = await once(child, 'message');
    this.port = port;
    return this;
  }

  async kill() {
    this.#isStopping = true;
    this.port = undefined;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
    this.#isStopping = false;
  }

  /** Returns the memory after garbage collection, and the number of connections and places. */
  async figures() {
    const child = this.#process;
    child.send('figures');
    for (;;) {
      const [message] = await once(child, 'message');
      if ('heapUsed' in message) return message;
    }
  }
}

export class Redis {
  #directory = mkdtempSync(join(tmpdir(), 'semantic-events-soak-'));
  #process;
  port;

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start() {
    this.port ??= await freePort();
    // Nonces must survive both processes, so Redis writes them to disk.
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const place = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#directory];
    this.#process = spawn('redis-server', [...place, ...durable], { stdio: 'ignore' });
    while (!(await this.#answers())) await wait(50);
    return this;
  }

  async kill() {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  async freeze(milliseconds) {
    this.#process.kill('SIGSTOP');
    await wait(milliseconds);
    this.#process.kill('SIGCONT');
  }

  async close() {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answers() {
    const socket = createConnection(this.port, '127.0.0.1');
    const answer = await new Promise(resolve => {
      socket.on('error', () => resolve(''));
      socket.on('data', data => resolve(data.toString()));
      socket.write('PING\r\n');
    });
    socket.destroy();
    return answer.startsWith('+PONG');
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}
