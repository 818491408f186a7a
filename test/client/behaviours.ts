// Behaviors of a client with real servers, in Node and in a browser. A page loads this file
// directly, so it imports nothing but types.
import type {
  SemanticEvent,
  SemanticEventsClient,
  SemanticEventsClientError,
  SemanticEventsClientOptions,
} from '../../lib/client/index.js';

export interface Surroundings {
  Client: typeof SemanticEventsClient;
  /** Fetches tokens, and controls the servers. */
  host: string;
  /** The address of a real application. */
  app: string;
  /** The address of a server of subscriptions. */
  mesh: string;
  /** What the environment lacks. */
  options?: Partial<SemanticEventsClientOptions>;
}

type Failure = SemanticEventsClientError;

/** A client of a server, with everything it reports. */
class Subject {
  readonly client: SemanticEventsClient;
  readonly errors: Failure[] = [];
  tokens = 0;

  constructor(
    readonly around: Surroundings,
    url: string,
    user = 'alice',
    options: Partial<SemanticEventsClientOptions> = {},
  ) {
    const { Client, host } = around;
    this.client = new Client({
      url,
      getToken: async () => {
        this.tokens++;
        return url === around.mesh ? user : (await fetch(`${host}/token/${user}`)).text();
      },
      backoff: 20,
      ...around.options,
      ...options,
    });
    this.client.on('error', error => this.errors.push(error));
    subjects.push(this);
  }

  get codes(): string {
    return this.errors.map(({ code }) => code).join();
  }
}

const subjects: Subject[] = [];

const wait = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds));

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 20_000) throw new Error(`did not come to hold: ${what}`);
    await wait(10);
  }
}

function equal(actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`expected ${e}, got ${a}`);
}

async function failure(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    return error as Failure;
  }
  throw new Error('it did not fail');
}

/** Controls the server of subscriptions. */
async function control({ host }: Surroundings, command: string, ...args: unknown[]): Promise<void> {
  await fetch(`${host}/mesh/${command}`, { method: 'POST', body: JSON.stringify(args) });
}

type Behaviour = (around: Surroundings) => Promise<void>;

const ALL: Record<string, Behaviour> = {
  'sends accepted events, and verifies the replies': async around => {
    const { client, codes } = new Subject(around, around.app);
    const session = await client.connect();
    equal(session.userId, 'alice');
    const data = { nested: { '10': null, '9': [] }, numbers: [1, 2.5, 1e21, -0], text: 'wörld' };
    const reply = await client.request('demo.echo', data);
    equal(reply.type, 'demo.echo.reply');
    equal(reply.data, JSON.parse(JSON.stringify(data)));
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, n) => client.request('demo.session', n)),
    );
    equal(
      replies.map(event => event.data),
      replies.map((_, n) => n),
    );
    equal(codes, '');
  },

  'sends an accepted first event even if its clock is an hour behind': async around => {
    const after = (milliseconds: number, callback: () => void) => {
      const timer = setTimeout(callback, milliseconds);
      return () => {
        clearTimeout(timer);
      };
    };
    const clock = { now: () => Date.now() - 3_600_000, after };
    const { client, codes } = new Subject(around, around.app, 'alice', { clock });
    const reply = client.request('demo.echo', 'early');
    await client.connect();
    equal((await reply).data, 'early');
    equal(codes, '');
  },

  'sends and receives bytes': async around => {
    const { client, codes } = new Subject(around, around.app);
    await client.connect();
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const reply = await client.request('demo.echo', bytes);
    equal([...(reply.data as Uint8Array)], [...bytes]);
    equal(codes, '');
  },

  'reconnects after disconnect(), and resumes its subscriptions': async around => {
    const { client, codes } = new Subject(around, around.mesh);
    const received: unknown[] = [];
    const { ready } = client.subscribe('news.*', ({ data }) => received.push(data));
    await client.connect();
    await ready;
    for (let n = 1; n <= 3; n++) {
      await control(around, 'announce', 'news.today', n);
      await until(() => received.length >= n, `news ${n}`);
      client.disconnect();
      equal(client.state, 'idle');
      await client.connect();
    }
    equal([received, codes], [[1, 2, 3], '']);
  },

  'receives the reason for a rejection': async around => {
    const { client, errors } = new Subject(around, around.app);
    await client.connect();
    const refusals = [
      client.request('demo.refuses'),
      client.request('demo.unheard-of'),
      client.request('demo.validated', { name: '', amount: -1 }),
      client.request('demo.throws'),
      client.request('system.shutdown'),
    ];
    const codes = await Promise.all(refusals.map(async refusal => (await failure(refusal)).code));
    equal(codes, ['FORBIDDEN', 'UNKNOWN_EVENT', 'INVALID_EVENT', 'INTERNAL', 'UNKNOWN_EVENT']);
    const eventId = await client.emit('demo.refuses');
    await until(() => errors.length > 0, 'the refusal of what was emitted');
    equal([errors[0]?.code, errors[0]?.eventId], ['FORBIDDEN', eventId]);
  },

  'waits for the retry delay of the server': async around => {
    const { client } = new Subject(around, around.app);
    await client.connect();
    const burst = Array.from({ length: 4 }, () =>
      client.request('demo.limited', 1).catch((e: unknown) => e),
    );
    const limited = (await Promise.all(burst)).at(-1) as Failure;
    equal(
      [limited.code, limited.retryable, (limited.retryAfter ?? 0) > 0],
      ['RATE_LIMITED', true, true],
    );
    await client.request('demo.limited', 1);
  },

  'renews its session before it expires': async around => {
    // The tokens expire within the thirty seconds before which the server requests a new one.
    const subject = new Subject(around, around.app, 'brief');
    const { expiresAt } = await subject.client.connect();
    await wait(1_100);
    await until(() => subject.tokens > 1, 'a second token');
    const renewed = () => (subject.client.session?.expiresAt ?? expiresAt) > expiresAt;
    await until(renewed, 'a later end of the session');
    equal([subject.client.state, subject.codes], ['connected', '']);
  },

  'does not reconnect after its access was revoked': async around => {
    const { client, errors } = new Subject(around, around.app, 'banned');
    await client.connect();
    await fetch(`${around.host}/revoke/banned`, { method: 'POST' });
    await until(() => client.state === 'closed', 'the end');
    equal([errors[0]?.code, errors[0]?.retryable], ['REVOKED', false]);
  },

  'delivers a chat between two clients': async around => {
    const alice = new Subject(around, around.mesh, 'alice').client;
    const bob = new Subject(around, around.mesh, 'bob').client;
    const received: SemanticEvent[] = [];
    const subscription = bob.subscribe('chat.*', event => received.push(event));
    await Promise.all([alice.connect(), bob.connect(), subscription.ready]);
    for (let n = 1; n <= 20; n++) void alice.emit('chat.said', { n });
    await until(() => received.length >= 20, 'everything that was said');
    equal(
      received.map(({ data, source }) => [data, source]),
      Array.from({ length: 20 }, (_, n) => [{ n: n + 1 }, 'user:alice']),
    );
  },

  'resumes after the connection was lost': async around => {
    const subject = new Subject(around, around.mesh);
    const { client } = subject;
    const received: unknown[] = [];
    const { ready } = client.subscribe('news.*', ({ data }) => received.push(data));
    await client.connect();
    await ready;
    let n = 0;
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 5; i++) await control(around, 'announce', 'news.today', ++n);
      await control(around, 'drop');
      for (let i = 0; i < 5; i++) await control(around, 'announce', 'news.today', ++n);
      await until(() => client.state === 'connected' && received.length >= n, `news ${n}`);
    }
    equal(
      received,
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    equal(subject.tokens, 6);
  },

  'iterates over events': async around => {
    const { client } = new Subject(around, around.mesh);
    await client.connect();
    const events = client.events(['weather.*', 'time']);
    await events.ready;
    const received: unknown[] = [];
    for (const type of ['weather.now', 'other', 'time'])
      await control(around, 'announce', type, type);
    for await (const { data } of events) {
      received.push(data);
      if (received.length === 2) break;
    }
    equal(received, ['weather.now', 'time']);
  },

  'receives the rejection of a subscription': async around => {
    const { client, errors } = new Subject(around, around.mesh);
    await client.connect();
    const refused = await failure(client.subscribe('secret.*', () => undefined).ready);
    equal([refused.code, refused.patterns], ['FORBIDDEN', ['secret.*']]);
    const gone = client.events('gone.*');
    await gone.ready;
    await control(around, 'withdraw', 'gone.*');
    equal((await failure(gone.next())).code, 'FORBIDDEN');
    equal(errors.length, 2);
  },

  'reports a gap if events are lost': async around => {
    const { client } = new Subject(around, around.mesh);
    const gaps: unknown[] = [];
    const received: unknown[] = [];
    client.on('gap', gap => gaps.push(gap));
    const { ready } = client.subscribe('log.*', ({ data }) => received.push(data));
    await client.connect();
    await ready;
    await control(around, 'lose', 'log.a', 'lost');
    await until(() => gaps.length > 0, 'a gap');
    await control(around, 'announce', 'log.a', 'after');
    await until(() => received.length > 0, 'what came after');
    equal([gaps, received], [[{ patterns: ['log.*'] }], ['after']]);
  },

  'drops forged events': async around => {
    const subject = new Subject(around, around.mesh);
    const received: unknown[] = [];
    const { ready } = subject.client.subscribe('**', event => received.push(event));
    await subject.client.connect();
    await ready;
    await control(around, 'forge', 'forged');
    await until(() => subject.errors.length > 0, 'a complaint');
    equal([subject.codes, received.length], ['UNVERIFIED', 0]);
  },

  'closes the connection to a silent server, and reconnects': async around => {
    const limits = { pingInterval: 200, pongTimeout: 1_000, connectTimeout: 2_000 };
    const subject = new Subject(around, around.mesh, 'alice', limits);
    const { client } = subject;
    await client.connect();
    await control(around, 'freeze', true);
    const lost = failure(client.request('never'));
    equal((await lost).code, 'CONNECTION_LOST');
    equal(subject.errors[0]?.code, 'TIMEOUT');
    const queued = client.request('later', 'still here');
    await control(around, 'freeze', false);
    equal((await queued).data, 'still here');
  },
};

/** The behaviors by name; each leaves nothing behind. */
export const BEHAVIOURS: Record<string, Behaviour> = Object.fromEntries(
  Object.entries(ALL).map(([name, behave]) => [
    name,
    async around => {
      try {
        await behave(around);
      } finally {
        for (const { client } of subjects.splice(0)) client.close();
      }
    },
  ]),
);
