import {
  SemanticEventsClient,
  type SemanticEventsClientError,
  type SemanticEventsClientOptions,
  type StateChange,
} from '../../lib/client/index.js';
import { eventually } from './eventually.js';
import { FakeSocket } from './fake-socket.js';
import { ManualClock } from './manual-clock.js';
import { settled } from './web-crypto-work.js';

export { settled };

/** A client with sockets, clock and random numbers of a test. */
export class ClientBench {
  readonly clock = new ManualClock();
  readonly sockets: FakeSocket[] = [];
  readonly errors: SemanticEventsClientError[] = [];
  readonly states: StateChange[] = [];
  readonly client: SemanticEventsClient;
  /** The number of requested tokens. */
  tokens = 0;
  /** The result of `Math.random`. */
  random = 1;

  constructor(options: Partial<SemanticEventsClientOptions> = {}) {
    const { sockets } = this;
    class BenchSocket extends FakeSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    }
    this.client = new SemanticEventsClient({
      url: 'ws://server.test/events',
      getToken: () => `token-${++this.tokens}`,
      WebSocket: BenchSocket,
      clock: this.clock,
      random: () => this.random,
      ...options,
    });
    this.client.on('error', error => this.errors.push(error));
    this.client.on('state', change => this.states.push(change));
    open.push(this);
  }

  get codes(): string[] {
    return this.errors.map(({ code }) => code);
  }

  /** Returns the socket of the nth connection. */
  async socket(nth = this.sockets.length || 1): Promise<FakeSocket> {
    await eventually(() => this.sockets.length >= nth);
    return this.sockets[nth - 1]!;
  }

  /** Waits until the client is connected and authenticated for the nth time. */
  async connected(nth = 1): Promise<FakeSocket> {
    const opened = this.client.connect();
    const socket = await this.socket(nth);
    socket.open();
    socket.welcome();
    await opened;
    return socket;
  }

  /** Moves the clock to the next attempt to connect. */
  async retry(): Promise<void> {
    await this.state('waiting');
    this.clock.advance(this.states.at(-1)?.retryIn ?? 0);
  }

  /** Drops the connection and waits for a new one. */
  async reconnected(): Promise<FakeSocket> {
    const nth = this.sockets.length;
    this.sockets[nth - 1]!.drop();
    await this.state('waiting');
    return this.connected(nth + 1);
  }

  async state(state: string): Promise<void> {
    await eventually(() => this.client.state === state);
  }
}

/** Returns the error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<SemanticEventsClientError> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as SemanticEventsClientError,
  );
}

const open: ClientBench[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  for (const { client, clock } of open.splice(0)) {
    client.close();
    await settled();
    // No timer may remain that keeps the process alive.
    expect(clock.pending).toBe(0);
  }
  expect(unhandled.splice(0)).toEqual([]);
});

afterAll(() => {
  process.off('unhandledRejection', note);
});
