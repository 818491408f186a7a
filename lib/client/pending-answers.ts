import { SemanticEventsClientError } from './client-error.js';
import type { ClientClock } from './clock.js';

interface Question {
  /** Whether it is answered by an event, which is verified, and not by a frame, which is not. */
  readonly isEvent: boolean;
  resolve(answer: unknown): void;
  reject(error: SemanticEventsClientError): void;
}

/** Questions by id until they are answered, refused, too old, or given up: one of these always comes. */
export function pendingAnswers(clock: ClientClock, max: number) {
  const pending = new Map<unknown, Question & { cancelTimeout(): void }>();

  const take = (id: unknown) => {
    const question = pending.get(id);
    pending.delete(id);
    question?.cancelTimeout();
    return question;
  };
  /** @returns whether anybody was waiting */
  const reject = (id: unknown, error: SemanticEventsClientError): boolean => {
    const question = take(id);
    question?.reject(error);
    return !!question;
  };

  return {
    /**
     * @param timeout in milliseconds
     * @returns whether there was room for it
     */
    add(id: string, timeout: number, question: Question): boolean {
      const hasRoom = pending.size < max;
      if (hasRoom) {
        const cancelTimeout = clock.after(timeout, () => {
          reject(id, new SemanticEventsClientError('TIMEOUT'));
        });
        pending.set(id, { ...question, cancelTimeout });
      } else {
        question.reject(new SemanticEventsClientError('QUEUE_FULL'));
      }
      return hasRoom;
    },
    /** @returns whether anybody was waiting */
    resolve: (id: unknown, answer: unknown, isEvent: boolean): boolean => {
      const isAnswer = pending.get(id)?.isEvent === isEvent;
      if (isAnswer) take(id)?.resolve(answer);
      return isAnswer;
    },
    reject,
    rejectAll(error: SemanticEventsClientError, isConcerned: (id: string) => boolean): void {
      for (const id of [...pending.keys()] as string[]) if (isConcerned(id)) reject(id, error);
    },
  };
}
