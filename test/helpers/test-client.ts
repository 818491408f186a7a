import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import canonicalize from 'canonicalize';
import { type ClientOptions, WebSocket } from 'ws';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into frames at will
export type Json = Record<string, any>;

export interface Signing {
  key_id: string;
  key: string;
}

const RECEIVE_TIMEOUT = 20_000;

/**
 * A client written from PROTOCOL.md without code of lib/, so that tests compare the server with the protocol. It queues
 * received frames, so that no test misses an early one.
 */
export class TestClient {
  readonly received: Json[] = [];
  private readonly waiting: (() => void)[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  signing: Signing | undefined;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', data => {
      this.received.push(JSON.parse((data as Buffer).toString()) as Json);
      this.waiting.shift()?.();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise(resolve => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  static async connect(
    url: string,
    options: ClientOptions & { protocol?: string } = {},
  ): Promise<TestClient> {
    const { protocol, ...rest } = options;
    const socket = new WebSocket(url, protocol, rest);
    const client = new TestClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Returns the HTTP answer to a rejected handshake. */
  static async refusal(
    url: string,
    options: ClientOptions = {},
  ): Promise<{ status: number; headers: Json; body: Json }> {
    const socket = new WebSocket(url, options);
    socket.on('error', () => undefined);
    const [, response] = await once(socket, 'unexpected-response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()) as Json,
    };
  }

  /** Returns the next frame, in the order of arrival. */
  async next(): Promise<Json> {
    if (this.received.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error('no frame came'));
        }, RECEIVE_TIMEOUT);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.received.shift()!;
  }

  async authenticate(token: string): Promise<Json> {
    this.sendJson({ type: 'auth', token });
    const answer = await this.next();
    if (answer.type === 'auth_success') this.signing = answer.signing as Signing;
    return answer;
  }

  sendJson(frame: unknown): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Sends a signed event and returns it. */
  emit(type: string, data?: unknown, members: Json = {}): Json {
    const event = this.event(type, data, members);
    this.sendJson({ type: 'event', event });
    return event;
  }

  /** Sends an event without a signature, as an unauthenticated client may. */
  emitUnsigned(type: string, members: Json = {}): Json {
    const event = { specversion: '1.0', type, source: 'test-client', id: randomUUID(), ...members };
    this.sendJson({ type: 'event', event });
    return event;
  }

  /** Creates a signed event without sending it. */
  event(type: string, data?: unknown, members: Json = {}): Json {
    return this.sign({
      specversion: '1.0',
      type,
      source: 'test-client',
      id: randomUUID(),
      time: new Date().toISOString(),
      semanticnonce: randomUUID(),
      data,
      ...members,
    });
  }

  sign(event: Json, signing: Signing = this.signing!): Json {
    return { ...event, semanticsignature: signatureOf(event, signing, 'c2s') };
  }

  /** Returns whether the server has signed an event for this connection. */
  verifies(event: Json): boolean {
    return event.semanticsignature === signatureOf(event, this.signing!, 's2c');
  }

  /** Returns the next frames, in the order of arrival. */
  async take(count: number): Promise<Json[]> {
    const frames: Json[] = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }

  /** Returns all frames after a quiet period, to detect unexpected ones. */
  async settled(milliseconds = 30): Promise<Json[]> {
    await new Promise(resolve => setTimeout(resolve, milliseconds));
    return this.received.splice(0);
  }

  terminate(): void {
    this.socket.terminate();
  }
}

export function signatureOf(event: Json, { key_id, key }: Signing, direction: string): string {
  const { semanticsignature: _, ...unsigned } = event;
  const mac = createHmac('sha256', Buffer.from(key, 'base64url'))
    .update(`v1.${direction}.${canonicalize(unsigned)}`)
    .digest('base64url');
  return `v1.${key_id}.${mac}`;
}
