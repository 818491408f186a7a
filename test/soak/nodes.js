// Runs the nodes of the soak as processes, which are killed and restarted.
import { fork } from 'node:child_process';
import { once } from 'node:events';

export class Node {
  /** The current port; undefined while the node is down. */
  port;
  #process;
  #isStopping = false;

  /**
   * @param redis the address of Redis: `{ url }`, `{ sentinels }` or `{ cluster }`
   * @param settings `clockShift`: ms by which the clock of the node is ahead; `handled`: a file for the ids of handled events
   */
  constructor(redis, onViolation, settings = {}) {
    this.redis = redis;
    this.onViolation = onViolation;
    this.settings = settings;
  }

  async start() {
    const child = fork(new URL('./server.js', import.meta.url), {
      execArgv: ['--expose-gc'],
      env: { ...process.env, SOAK: JSON.stringify({ redis: this.redis, ...this.settings }) },
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
