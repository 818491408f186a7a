// Clients that send requests and chat for a given time, and then report every lost, repeated or reordered event. It runs in
// Node and in a page.
const CLIENTS = 4;
/** The interval between two requests of a client, in milliseconds. */
const PACE = 25;
/** The tolerated delay of timers on a busy machine, in milliseconds. */
const GRACE = 10_000;
/** The maximum time from the last fault until every client has an answer and every event, in milliseconds. */
const CATCH_UP = 60_000;
const OPTIONS = {
  requestTimeout: 1_500,
  connectTimeout: 1_000,
  pingInterval: 250,
  pongTimeout: 250,
  backoff: 20,
  maxBackoff: 300,
};

/**
 * Errors that a bad network may cause: the chat limits a user who sends everything again. Any other code is a fault of the client
 * or the server.
 */
const EXPECTED = new Set(['CONNECTION_LOST', 'TIMEOUT', 'RATE_LIMITED']);

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/**
 * @param Client SemanticEventsClient
 * @param way returns the options that say how a client connects
 * @param type the type of events that are answered with their data
 */
export async function runClients({ Client, way, token, type, seconds, seed }) {
  let end = Infinity;
  const problems = [];
  const outcomes = {};
  const errors = {};
  const clients = [];
  const requests = [];
  /** Messages whose sender received a confirmation. */
  const acknowledged = new Set();
  let connections = 0;
  let slowest = 0;

  const asking = Promise.all(Array.from({ length: CLIENTS }, (_, n) => ask(n)));
  const listeners = await Promise.all(Array.from({ length: CLIENTS }, (_, n) => listen(n)));
  // Start the clock when all clients are subscribed, so that every message is for all of them.
  end = Date.now() + seconds * 1_000;
  await Promise.all(listeners.map(listener => listener.talk()));
  await asking;

  // The network works again: every request must be settled now or within its timeout.
  const unsettled = () => requests.filter(({ isSettled }) => !isSettled).length;
  await within(OPTIONS.requestTimeout + GRACE, 'requests that never settled', () => !unsettled());
  if (slowest > OPTIONS.requestTimeout + GRACE) problems.push(`a request that took ${slowest} ms`);
  const published = new Set();
  const missing = ({ heard }) => published.size - new Set(heard).size;
  await within(CATCH_UP, 'events that were lost', () => {
    // A received event was published, even if its publisher does not know that.
    for (const { heard } of listeners) for (const said of heard) published.add(said);
    for (const said of acknowledged) published.add(said);
    return listeners.every(listener => missing(listener) === 0);
  });
  for (const { name, heard } of listeners) {
    const twice = heard.filter((said, index) => heard.indexOf(said) !== index);
    for (const said of twice) problems.push(`${said} handled twice by ${name}`);
    if (heard.join() !== listeners[0].heard.join()) problems.push(`${name} has another order`);
  }
  for (const client of clients) client.close();
  return {
    connections,
    requests: requests.length,
    outcomes,
    unsettled: unsettled(),
    slowest: Math.round(slowest),
    acknowledged: acknowledged.size,
    published: published.size,
    heard: listeners.map(({ heard }) => heard.length),
    missing: listeners.map(missing),
    errors,
    problems,
  };

  /** Sends the requests of one client. Each has different data. */
  async function ask(n) {
    const client = connected(`asking-${n}`);
    for (let i = 0; Date.now() < end; i++) {
      const data = `${seed}-${n}-${i}`;
      void request(client, type, data, reply => {
        if (reply !== data) problems.push(`${data} answered by ${reply}`);
      });
      await pause(PACE);
    }
    await recover(client, type, `${seed}-${n}-last`, () => undefined);
  }

  /** Runs one client that receives all messages and sends some of its own. */
  async function listen(n) {
    const name = `user${n}`;
    const client = connected(name);
    const heard = [];
    const subscription = client.subscribe('chat.*', ({ data }) => {
      heard.push(data);
    });
    await subscription.ready;
    const talk = async () => {
      for (let i = 0; Date.now() < end; i++) {
        const data = `${name}-${i}`;
        void request(client, 'chat.message', data, () => acknowledged.add(data));
        await pause(PACE * 2);
      }
      await recover(client, 'chat.message', `${name}-last`, data => {
        acknowledged.add(data);
      });
    };
    return { name, heard, talk };
  }

  /** After the last fault, a client must get an answer: also on a machine that is too busy for answers between faults. */
  async function recover(client, name, data, answered) {
    const deadline = Date.now() + CATCH_UP;
    let isAnswered = false;
    for (let i = 0; !isAnswered && Date.now() < deadline; i++) {
      const sent = `${data}-${i}`;
      await request(client, name, sent, () => {
        isAnswered = true;
        answered(sent);
      });
    }
    if (!isAnswered) problems.push(`no answer to ${data} after the last fault`);
  }

  async function request(client, name, data, answered) {
    const entry = { isSettled: false };
    requests.push(entry);
    const start = performance.now();
    let outcome = 'answered';
    try {
      const reply = await client.request(name, data);
      answered(reply.data);
    } catch ({ code }) {
      outcome = code;
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    entry.isSettled = true;
    slowest = Math.max(slowest, performance.now() - start);
  }

  function connected(name) {
    const client = new Client({ ...OPTIONS, ...way(), getToken: () => token });
    client.on('error', ({ code, cause }) => {
      errors[code] = (errors[code] ?? 0) + 1;
      if (!EXPECTED.has(code)) problems.push(`${name} was told ${code}: ${cause}`);
    });
    client.on('gap', ({ patterns }) => problems.push(`${name} has a gap in ${patterns}`));
    client.on('state', ({ state, error }) => {
      if (state === 'connected') connections++;
      if (state === 'closed' && error?.code !== 'CLOSED') problems.push(`closed by ${error?.code}`);
    });
    void client.connect();
    clients.push(client);
    return client;
  }

  async function within(milliseconds, what, holds) {
    const deadline = Date.now() + milliseconds;
    while (!holds()) {
      if (Date.now() > deadline) {
        problems.push(what);
        return;
      }
      await pause(20);
    }
  }
}
