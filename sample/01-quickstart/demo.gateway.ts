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

/** Where any data will do, that is said: the production checklist names handlers without a schema. */
const Anything = z.unknown();

/** Each handler shows one protection. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
export class DemoGateway {
  /** Signed events only, each only once. What is returned goes back as `demo.echo.reply`, signed. */
  @SubscribeMessage('demo.echo')
  @SignedEvent()
  echo(@EventData(Anything) data: unknown) {
    return { event: 'demo.echo.reply', data };
  }

  /** Five a second for each user, ten at once. */
  @SubscribeMessage('demo.limited')
  @SignedEvent()
  @RateLimit({ rate: 5, per: 1000, burst: 10 })
  limited(@EventData(Anything) data: unknown) {
    return { event: 'demo.limited.reply', data };
  }

  /** Data that fits the schema only. */
  @SubscribeMessage('demo.validated')
  @SignedEvent()
  validated(@EventData(Order) data: z.infer<typeof Order>) {
    return { event: 'demo.validated.reply', data };
  }

  /** Admins only. */
  @SubscribeMessage('demo.admin')
  @SignedEvent()
  @Roles('admin')
  admin(@EventData(Anything) data: unknown) {
    return { event: 'demo.admin.reply', data };
  }

  /** An ordinary Nest handler, next to the others. */
  @SubscribeMessage('plain')
  plain(@MessageBody(new EventDataPipe(Anything)) data: unknown) {
    return { event: 'plain', data };
  }
}
