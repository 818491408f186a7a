import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventData,
  EventDataPipe,
  RateLimit,
  Roles,
  SecureGateway,
  SignedEvent,
} from 'nestjs-semantic-events';
import { z } from 'zod';

const Order = z.object({ name: z.string().min(1).max(50), amount: z.number().positive() });

/** Accepts any data. The production checklist names handlers without a schema. */
const Anything = z.unknown();

/** Demonstrates one protection with each handler. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
@RateLimit({ rate: 100, burst: 200 })
export class DemoGateway {
  /** Accepts signed events only, each one once. The returned data becomes the signed reply `demo.echo.reply`. */
  @SubscribeMessage('demo.echo')
  @SignedEvent()
  echo(@EventData(Anything) data: unknown) {
    return data;
  }

  /** Accepts five events per second from each user, and ten at once. */
  @SubscribeMessage('demo.limited')
  @SignedEvent()
  @RateLimit({ rate: 5, per: 1000, burst: 10 })
  limited(@EventData(Anything) data: unknown) {
    return data;
  }

  /** Accepts only data that matches the schema. */
  @SubscribeMessage('demo.validated')
  @SignedEvent()
  validated(@EventData(Order) data: z.infer<typeof Order>) {
    return data;
  }

  /** Accepts events of admins only. */
  @SubscribeMessage('demo.admin')
  @SignedEvent()
  @Roles('admin')
  admin(@EventData(Anything) data: unknown) {
    return data;
  }

  /** Shows a plain Nest handler without a signature. The production checklist warns about it. */
  @SubscribeMessage('plain')
  plain(@MessageBody(new EventDataPipe(Anything)) data: unknown) {
    return { event: 'plain', data };
  }
}
