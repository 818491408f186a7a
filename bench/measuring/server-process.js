// Runs a server of bench/servers/ in a process of its own and communicates with it.
import { fork } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill();
});

export class ServerProcess {
  /**
   * @param name the file in bench/servers/
   * @param settings the settings of the server
   */
  static async start(name, settings = {}, { execArgv = [] } = {}) {
    const server = new ServerProcess();
    server.name = name;
    server.process = fork(
      new URL(`../servers/${name}.js`, import.meta.url),
      [JSON.stringify(settings)],
      // Nest logs warnings to the standard output, which is for results.
      { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    running.add(server.process);
    server.process.once('exit', () => running.delete(server.process));
    server.port = (await server.next()).port;
    return server;
  }

  tell(command) {
    this.process.send(command);
  }

  ask(question) {
    const answer = this.next();
    this.process.send(question);
    return answer;
  }

  /** Returns the CPU time used so far, in microseconds. */
  async cpu() {
    return (await this.ask('cpu')).cpu;
  }

  async stop() {
    const exit = once(this.process, 'exit');
    this.process.kill();
    await exit;
  }

  /** Returns the next message. Rejects if the server exits. */
  next() {
    return new Promise((resolve, reject) => {
      const onMessage = message => {
        this.process.off('exit', onExit);
        resolve(message);
      };
      const onExit = code => {
        this.process.off('message', onMessage);
        reject(new Error(`server ${this.name} ended with ${code}`));
      };
      this.process.once('message', onMessage);
      this.process.once('exit', onExit);
    });
  }
}
