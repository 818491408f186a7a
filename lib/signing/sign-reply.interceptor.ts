import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { clientOf } from '../connection/index.js';
import { receivedAs, type SemanticEvent } from '../event/index.js';
import { payloadOf, socketOf } from '../handler/index.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { EventSigner } from './event-signer.js';
import { replyTo } from './reply.js';

/**
 * Signs what a handler answers to an event that came in Nest's own frame, and answers in that form. Events that
 * came in a frame of our own are answered and signed by SemanticEventsAdapter.
 */
@Injectable()
export class SignReplyInterceptor implements NestInterceptor {
  constructor(
    private readonly signer: EventSigner,
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = payloadOf(context);
    if (receivedAs(request) !== 'nest') return next.handle();
    const client = clientOf(socketOf(context));
    return next.handle().pipe(
      map((result: unknown) => {
        if (result === undefined || result === null) return result;
        const reply = replyTo(request as SemanticEvent, result, this.options.signing.source);
        const event = this.signer.sign(reply, { client });
        return { event: event.type, data: event };
      }),
    );
  }
}
