// Clients that ask and chat as long as they are told to, and then say what became of all of it. It runs in Node and in a
// page alike.
const CLIENTS = 4;
/** From one request of a client to the next, in milliseconds. */
const PACE = 25;
/** What timers of a busy machine may be late by, in milliseconds. */
const GRACE = 10_000;
/** How long it may take from the last fault until everything published has reached everybody, in milliseconds. */
const CATCH_UP = 60_000;
const OPTIONS = {
  requestTimeout: 1_500,
  connectTimeout: 1_000,
  pingInterval: 250,
  pongTimeout: 250,
  backoff: 20,
  maxBackoff: 300,
};

/** What a client is told of a bad network; anything else would be of its own or the server's doing. */
const EXPECTED = new Set(['CONNECTION_LOST', 'TIMEOUT']);

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/**
 * @param Client SemanticEventsClient
 * @param WebSocket where there is no global one
 * @param type of events that are answered by what they carry
 */
export async function runClients({ Client, WebSocket, url, token, type, seconds, seed }) {
  let end = Infinity;
  const problems = [];
  const outcomes = {};
  const errors = {};
  const clients = [];
  const requests = [];
  /** What was said, and answered as published. */
  const acknowledged = new Set();
  let connections = 0;
  let slowest = 0;

  const asking = Promise.all(Array.from({ length: CLIENTS }, (_, n) => ask(n)));
  const listeners = await Promise.all(Array.from({ length: CLIENTS }, (_, n) => listen(n)));
  // Once all listen, so that all that is said is for all, and for as long as was asked for, however long that took.
  end = Date.now() + seconds * 1_000;
  await Promise.all(listeners.map(listener => listener.talk()));
  await asking;

  // The network is well again: whatever was asked must be answered by now, or in the time it was given.
  const unsettled = () => requests.filter(({ isSettled }) => !isSettled).length;
  await within(OPTIONS.requestTimeout + GRACE, 'requests that never settled', () => !unsettled());
  if (slowest > OPTIONS.requestTimeout + GRACE) problems.push(`a request that took ${slowest} ms`);
  const published = new Set();
  const missing = ({ heard }) => published.size - new Set(heard).size;
  await within(CATCH_UP, 'events that were lost', () => {
    // What one has heard was published, whether its publisher knows or not.
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

  /** Requests of one client: each is told apart by its data. */
  async function ask(n) {
    const client = connected(`asking-${n}`);
    for (let i = 0; Date.now() < end; i++) {
      const data = `${seed}-${n}-${i}`;
      void request(client, type, data, reply => {
        if (reply !== data) problems.push(`${data} answered by ${reply}`);
      });
      await pause(PACE);
    }
  }

  /** One client that hears what all say, and says something itself. */
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
    };
    return { name, heard, talk };
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
    const client = new Client({ ...OPTIONS, WebSocket, url, getToken: () => token });
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
