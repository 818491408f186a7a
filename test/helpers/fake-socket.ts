import { randomBytes, randomUUID } from 'node:crypto';
import type { WebSocketLike } from '../../lib/client/index.js';
import { eventually } from './eventually.js';
import { type Json, signatureOf } from './test-client.js';

/** A socket whose server a test plays, written from PROTOCOL.md. */
export class FakeSocket implements WebSocketLike {
  readyState = 0;
  bufferedAmount = 0;
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onerror: WebSocketLike['onerror'] = null;
  onclose: WebSocketLike['onclose'] = null;

  readonly sent: Json[] = [];
  readonly signing = { key_id: `s-${randomUUID()}`, key: randomBytes(32).toString('base64url') };
  closedWith: number | undefined;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {}

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Json);
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 2;
  }

  // Actions of the server:

  open(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  receive(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
  }

  /** Accepts the token. */
  welcome(members: Json = {}): void {
    this.receive({
      type: 'auth_success',
      client_id: 'client-1',
      user_id: 'alice',
      expires_at: '2026-11-23T11:00:00.000Z',
      signing: { scheme: 'v1', ...this.signing },
      ...members,
    });
  }

  refuse(code: string, members: Json = {}): void {
    this.receive({ type: 'error', code, status: 400, message: code, ...members });
  }

  /** Closes the connection, as a server or a broken network does. */
  drop(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** Returns an event of the server, signed for this connection. */
  signed(members: Json): Json {
    const event = {
      specversion: '1.0',
      source: 'server',
      id: randomUUID(),
      time: '2026-11-23T10:00:00.000Z',
      semanticnonce: randomUUID(),
      ...members,
    };
    return { ...event, semanticsignature: signatureOf(event, this.signing, 's2c') };
  }

  reply(request: Json, data: unknown = request.data): void {
    const members = { type: `${request.type}.reply`, semanticcorrelationid: request.id, data };
    this.receive({ type: 'event', event: this.signed(members) });
  }

  deliver(cursor: string, members: Json): Json {
    const event = this.signed(members);
    this.receive({ type: 'event', event, cursor });
    return event;
  }

  /** Returns the sent frames of one type. */
  frames(type: string): Json[] {
    return this.sent.filter(frame => frame.type === type);
  }

  get events(): Json[] {
    return this.frames('event').map(({ event }) => event as Json);
  }

  /** Waits until a number of events was sent, and returns the last one. */
  async event(count = 1): Promise<Json> {
    await eventually(() => this.events.length >= count);
    return this.events[count - 1]!;
  }

  async frame(type: string, count = 1): Promise<Json> {
    await eventually(() => this.frames(type).length >= count);
    return this.frames(type)[count - 1]!;
  }
}
