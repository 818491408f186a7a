import type { SemanticEvent } from '../event/semantic-event.js';
import { boundedMap } from './bounded-map.js';
import { SemanticEventsClientError } from './client-error.js';
import { isCount, type ResolvedClientOptions } from './client-options.js';
import { type Connection, retryAfterOf, type ServerFrame } from './connection.js';
import { deferred } from './deferred.js';
import { outbox } from './outbox.js';
import { pendingAnswers } from './pending-answers.js';

type Fail = (error: SemanticEventsClientError) => void;

const MAX_CODE_LENGTH = 64;

export type Exchange = ReturnType<typeof exchange>;

/** Everything that is sent, until it has left or has been answered. */
export function exchange(options: ResolvedClientOptions) {
  const { clock, maxQueued, requestTimeout, source } = options;
  const pending = pendingAnswers(clock, maxQueued);
  const waiting = outbox(clock, maxQueued);
  /** The types of events sent, by id: a refusal names the id only. */
  const types = boundedMap<string>(options.maxRemembered);
  let connection: Connection | undefined;
  let closedBy: SemanticEventsClientError | undefined;

  return {
    /**
     * Sends an event.
     *
     * @param timeout of a request, in milliseconds; what has none is not answered
     * @returns resolves with the reply to a request, otherwise with the id once it has left
     */
    send(
      type: string,
      data: unknown,
      attributes: object | undefined,
      timeout?: number,
    ): Promise<unknown> {
      const { promise, resolve, reject } = deferred<unknown>();
      const id = crypto.randomUUID();
      const isRequest = timeout !== undefined;
      const failed: Fail = ({ code, retryAfter, cause }) => {
        const details = { retryAfter, cause, eventId: id, eventType: type };
        reject(new SemanticEventsClientError(code, details));
      };
      const question = {
        isEvent: true,
        resolve,
        reject: (error: SemanticEventsClientError) => {
          waiting.remove(id);
          failed(error);
        },
      };
      try {
        if (closedBy) throw closedBy;
        if (isRequest && !isCount(timeout)) throw new TypeError('timeout must be a whole number');
        // A copy, as it is at this moment; what is no JSON is told at once.
        const text = JSON.stringify({ source, ...attributes, specversion: '1.0', id, type, data });
        const event = JSON.parse(text) as SemanticEvent;
        if (!isRequest || pending.add(id, timeout, question))
          waiting.add({
            event,
            failed: error => {
              if (!pending.reject(id, error)) failed(error);
            },
            sent: () => {
              types.set(id, type);
              if (!isRequest) resolve(id);
            },
          });
      } catch (cause) {
        failed(closedBy ?? new SemanticEventsClientError('INVALID_EVENT', { cause }));
      }
      return promise;
    },
    /** Sends a frame that is answered by a frame. */
    ask: (frame: object, resolve: (answer: ServerFrame) => void, reject: Fail): void => {
      const id = crypto.randomUUID();
      const answer = resolve as (answer: unknown) => void;
      if (pending.add(id, requestTimeout, { isEvent: false, resolve: answer, reject }))
        connection?.send({ ...frame, id });
    },
    /** @returns whether anybody was waiting for it */
    answer: pending.resolve,
    /** Takes an error frame. @returns the refusal, and whether anybody was waiting for it */
    refuse: (frame: ServerFrame) => {
      const { code, id } = frame;
      const eventType = types.get(id);
      const retryAfter = retryAfterOf(frame);
      if (retryAfter && (!id || eventType)) waiting.hold(retryAfter, eventType);
      const eventId = id as string | undefined;
      const details = { retryAfter, eventId, eventType };
      const error = new SemanticEventsClientError(String(code).slice(0, MAX_CODE_LENGTH), details);
      return { error, isAwaited: pending.reject(id, error) };
    },
    attach(to: Connection): void {
      connection = to;
      waiting.attach(to);
    },
    /** What has left must not be sent again: nobody knows whether it arrived. */
    detach(error: SemanticEventsClientError): void {
      connection = undefined;
      waiting.attach();
      pending.rejectAll(error, id => !waiting.has(id));
    },
    close(error: SemanticEventsClientError): void {
      closedBy = error;
      waiting.close(error);
      pending.rejectAll(error, () => true);
    },
  };
}
