import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { from, map, throwError } from 'rxjs';
import { z } from 'zod';
import {
  type Client,
  CurrentClient,
  EventData,
  Public,
  RateLimit,
  RefusalException,
  reply,
  SecureGateway,
  type SemanticEvent,
  SemanticEventBody,
  SignedEvent,
} from '../../lib/index.js';

export const Order = z.object({ name: z.string().min(1).max(50), amount: z.number().positive() });

/** A gateway with one handler for each kind of answer. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
export class DemoGateway {
  /** The arguments of handler calls, for tests of events that must not reach a handler. */
  readonly calls: unknown[] = [];

  @SubscribeMessage('demo.echo')
  @SignedEvent()
  echo(@EventData() data: unknown) {
    this.calls.push(data);
    return data;
  }

  @SubscribeMessage('demo.session')
  @SignedEvent({ keys: 'session' })
  session(@EventData() data: unknown) {
    return data;
  }

  // This order of decorators would use up nonces too early if the order mattered.
  @SubscribeMessage('demo.limited')
  @RateLimit({ rate: 1, per: 2_000, burst: 3 })
  @SignedEvent()
  limited(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('demo.validated')
  @SignedEvent()
  validated(@EventData(Order) data: z.infer<typeof Order>) {
    return data;
  }

  @SubscribeMessage('demo.unsigned')
  unsigned(@SemanticEventBody() event: SemanticEvent, @CurrentClient() client: Client) {
    this.calls.push(event);
    return { type: event.type, user: client.user?.id };
  }

  @SubscribeMessage('demo.stream')
  stream(@EventData(z.array(z.number())) data: number[]) {
    return from(data).pipe(map(item => reply({ type: 'demo.item', data: item })));
  }

  @SubscribeMessage('demo.failing-stream')
  failingStream() {
    return throwError(() => new Error('secret stream detail'));
  }

  @SubscribeMessage('demo.nothing')
  nothing() {
    this.calls.push('nothing');
  }

  @SubscribeMessage('demo.promise')
  async promise() {
    return { later: true };
  }

  @SubscribeMessage('demo.throws')
  throws() {
    throw new Error('secret internal detail');
  }

  @SubscribeMessage('demo.refuses')
  refuses() {
    throw new RefusalException('FORBIDDEN');
  }

  @SubscribeMessage('demo.unencodable')
  unencodable() {
    return { big: 1n };
  }

  @SubscribeMessage('demo.bytes')
  bytes(@EventData() data: Uint8Array) {
    return data.toReversed();
  }

  @SubscribeMessage('demo.public')
  @Public()
  open() {
    return 'open';
  }

  @SubscribeMessage('plain')
  plain(@MessageBody() data: unknown) {
    return { event: 'plain', data };
  }

  @SubscribeMessage('plain.exception')
  plainException(@MessageBody() data: unknown) {
    return { event: 'exception', data };
  }

  @SubscribeMessage('plain.throws')
  plainThrows() {
    throw new Error('secret plain detail');
  }
}
