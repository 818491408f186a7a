import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { TestApp, type TestAppOptions, tokenFor } from './test-app.js';
import { type Json, signatureOf, type Signing } from './test-client.js';
import { SemanticEventsIoAdapter } from '../../lib/transports/socket.io/index.js';

const RECEIVE_TIMEOUT = 20_000;

type IoClientOptions = Partial<ManagerOptions & SocketOptions> & { namespace?: string };

/** Starts an application with Socket.IO gateways. */
export function startIo(setup: TestAppOptions): Promise<TestApp> {
  return TestApp.start({ adapter: SemanticEventsIoAdapter, ...setup });
}

/** A client of Socket.IO that queues received messages. */
export class IoClient {
  readonly received: { name: string; body: Json }[] = [];
  signing: Signing | undefined;
  private readonly arrivals = new EventEmitter();

  constructor(readonly socket: Socket) {
    socket.onAny((name: string, body: Json) => {
      if (name === 'auth_success') this.signing = body.signing as Signing;
      this.received.push({ name, body });
      this.arrivals.emit('event');
    });
    socket.on('connect_error', ({ data, message }: Error & { data?: Json }) => {
      this.received.push({ name: 'connect_error', body: data ?? { message } });
      this.arrivals.emit('event');
    });
    socket.on('disconnect', reason => {
      this.received.push({ name: 'disconnect', body: { reason } });
      this.arrivals.emit('event');
    });
  }

  /** Starts to connect. The result is queued like a message. */
  static open(port: number, { namespace = '', ...options }: IoClientOptions = {}): IoClient {
    const client = new IoClient(
      io(`http://127.0.0.1:${port}${namespace}`, {
        path: '/events',
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
        ...options,
      }),
    );
    clients.push(client);
    return client;
  }

  /** Connects and authenticates as a user. */
  static async login(
    app: TestApp,
    user = 'alice',
    options: IoClientOptions = {},
  ): Promise<IoClient> {
    const client = IoClient.open(app.port, { auth: { token: tokenFor(user) }, ...options });
    await client.next('auth_success');
    return client;
  }

  /** Returns the next message with a name, and drops the messages before it. */
  async next(name: string): Promise<Json> {
    const signal = AbortSignal.timeout(RECEIVE_TIMEOUT);
    for (;;) {
      const next = this.received.shift();
      if (next?.name === name) return next.body;
      if (!next)
        await once(this.arrivals, 'event', { signal }).catch(() => {
          throw new Error(`no ${name} came`);
        });
    }
  }

  /** Returns all messages after a quiet period. */
  async settled(milliseconds = 50): Promise<{ name: string; body: Json }[]> {
    await new Promise(resolve => setTimeout(resolve, milliseconds));
    return this.received.splice(0);
  }

  /** Creates a signed event without sending it. */
  event(type: string, data?: unknown, members: Json = {}): Json {
    const event = {
      specversion: '1.0',
      type,
      source: 'test-client',
      id: randomUUID(),
      time: new Date().toISOString(),
      semanticnonce: randomUUID(),
      data,
      ...members,
    };
    return { ...event, semanticsignature: signatureOf(event, this.signing!, 'c2s') };
  }

  send(event: Json): Json {
    this.socket.emit(event.type as string, event);
    return event;
  }

  verifies(event: Json): boolean {
    return event.semanticsignature === signatureOf(event, this.signing!, 's2c');
  }
}

const clients: IoClient[] = [];

afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.disconnect();
});
