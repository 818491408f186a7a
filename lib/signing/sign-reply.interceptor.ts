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

interface EventAnswer {
  readonly event: string;
  readonly data: SemanticEvent;
}

/** Returns the answer to an event in Nest's own frame. Its data is an event. */
export function eventAnswer(type: string, event: SemanticEvent): EventAnswer {
  const answer = { event: type, data: event };
  answers.add(answer);
  return answer;
}

/** Returns whether a value is an answer that `eventAnswer` created. */
export function isEventAnswer(value: object): value is EventAnswer {
  return answers.has(value);
}

/**
 * Turns return values of handlers into signed events, for events in Nest's own frame. It answers in that frame.
 * The adapters of this library sign replies themselves.
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
        return eventAnswer(type, JSON.parse(text) as SemanticEvent);
      }),
    );
  }
}
