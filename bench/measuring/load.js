// Loads one server with messages over several connections, with a bounded number in flight on each.
import { makeEvent } from './events.js';

const ANSWER = 'demo.echo.reply';

export class Load {
  /** Messages per second in the last round. */
  rate = 0;

  /** @param dialect the dialect of the clients */
  static async connect(server, dialect, connections) {
    const load = new Load();
    load.server = server;
    load.dialect = dialect;
    load.clients = await Promise.all(
      Array.from({ length: connections }, (_, n) => dialect.connect(server.port, `user-${n}`)),
    );
    return load;
  }

  /** Server CPU per message, in microseconds. */
  async round({ connections, inFlight }, messages, data) {
    const each = Math.ceil(messages / connections);
    // Create the messages first, so that the load waits only for the server.
    const work = this.clients.slice(0, connections).map(client => ({
      client,
      frames: Array.from({ length: each }, () => this.dialect.frame(makeEvent(data), client)),
    }));
    const before = await this.server.cpu();
    const start = performance.now();
    await Promise.all(work.map(({ client, frames }) => exchange(client.socket, frames, inFlight)));
    const count = each * connections;
    this.rate = count / ((performance.now() - start) / 1000);
    return ((await this.server.cpu()) - before) / count;
  }

  close() {
    for (const { socket } of this.clients) socket.terminate();
  }
}

/** Sends the next frame after each answer. Rejects if an answer is wrong. */
function exchange(socket, frames, inFlight) {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let received = 0;
    const send = () => sent < frames.length && socket.send(frames[sent++]);
    const finish = settle => {
      socket.off('message', onMessage);
      socket.off('close', onClose);
      settle();
    };
    const onMessage = message => {
      if (!message.includes(ANSWER)) {
        // Ignore the heartbeat of Engine.IO.
        if (message.length === 1) return;
        finish(() => reject(new Error(`not answered, but: ${message}`)));
        return;
      }
      send();
      if (++received === frames.length) finish(resolve);
    };
    const onClose = code => finish(() => reject(new Error(`closed with ${code}`)));
    socket.on('message', onMessage);
    socket.on('close', onClose);
    for (let first = 0; first < inFlight; first++) send();
  });
}
