import { Logger } from '@nestjs/common';
import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';
import { recovering } from '../maybe-promise.js';
import { logUnexpected } from './log-unexpected.js';

type Next<T> = (value: T) => void;

/**
 * An Observable that logs errors of its subscribers, also behind `pipe`. In RxJS such an error would end the process.
 */
export class SafeStream<T> extends Observable<T> {
  private static readonly logger = new Logger('SemanticEvents');

  // `pipe` calls this. RxJS has no other way to make the piped Observable safe too.
  /* eslint-disable @typescript-eslint/no-deprecated -- to be made internal in RxJS 8, not removed */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new SafeStream<R>();
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }
  /* eslint-enable @typescript-eslint/no-deprecated */

  override subscribe(observerOrNext?: Partial<Observer<T>> | Next<T> | null): Subscription {
    // Operators forward errors. Only an error of the last subscriber is not caught.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer =
      typeof observerOrNext === 'function' ? { next: observerOrNext } : (observerOrNext ?? {});
    const report = once(error => {
      logUnexpected(SafeStream.logger, error);
    });
    return super.subscribe({
      next: value => {
        void recovering<unknown>(() => observer.next?.(value), report);
      },
      error: error => {
        const handleError = observer.error ?? report;
        void recovering<unknown>(() => {
          handleError.call(observer, error);
        }, report);
      },
      complete: () => {
        void recovering<unknown>(() => observer.complete?.(), report);
      },
    });
  }
}

/** Wraps a function to run once, so that a subscriber that always fails does not flood the log. */
function once(report: (error: unknown) => void): (error: unknown) => void {
  let hasRun = false;
  return error => {
    if (hasRun) return;
    hasRun = true;
    report(error);
  };
}
