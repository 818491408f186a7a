import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { clientOf } from '../connection/index.js';
import { receivedAs, type SemanticEvent } from '../event/index.js';
import { payloadOf, socketOf } from '../handler/index.js';
import { ReplySigner } from './reply-signer.js';

const answers = new WeakSet();

/** Returns whether a value is an answer of `SignReplyInterceptor`: `{ event, data }`, whose data is an event. */
export function isEventAnswer(value: object): value is { event: string; data: SemanticEvent } {
  return answers.has(value);
}

/**
 * Turns return values of handlers into signed events, for events in Nest's own frame. It answers in that frame.
 * `SemanticEventsAdapter` answers events in frames of PROTOCOL.md and signs those itself.
 */
@Injectable()
export class SignReplyInterceptor implements NestInterceptor {
  constructor(private readonly replies: ReplySigner) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = payloadOf(context);
    if (receivedAs(request) !== 'nest') return next.handle();
    const client = clientOf(socketOf(context));
    return next.handle().pipe(
      map((result: unknown) => {
        if (result === undefined || result === null) return result;
        const { type, text } = this.replies.answer(request as SemanticEvent, result, client);
        const answer = { event: type, data: JSON.parse(text) as SemanticEvent };
        answers.add(answer);
        return answer;
      }),
    );
  }
}
