import { Logger } from '@nestjs/common';
import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';
import { isThenable } from '../maybe-promise.js';
import { logUnexpected } from './log-unexpected.js';

type Next<T> = (value: T) => void;

/**
 * An Observable whose subscribers cannot harm the application: RxJS ends the process over an error that a
 * subscriber throws, here it is logged. The same holds for what is piped from it.
 */
export class SafeStream<T> extends Observable<T> {
  private static readonly logger = new Logger('SemanticEvents');

  // What `pipe` calls: RxJS has no other way to make what is piped one of these, too.
  /* eslint-disable @typescript-eslint/no-deprecated -- to be made internal in RxJS 8, not removed */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new SafeStream<R>();
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }
  /* eslint-enable @typescript-eslint/no-deprecated */

  override subscribe(observerOrNext?: Partial<Observer<T>> | Next<T> | null): Subscription {
    // Operators pass on what goes wrong by themselves; only who stands at the end throws to nobody.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer =
      typeof observerOrNext === 'function' ? { next: observerOrNext } : (observerOrNext ?? {});
    const report = once(error => {
      logUnexpected(SafeStream.logger, error);
    });
    return super.subscribe({
      next: value => {
        guarded(() => observer.next?.(value), report);
      },
      error: error => {
        const tell = observer.error ?? report;
        guarded(() => {
          tell.call(observer, error);
        }, report);
      },
      complete: () => {
        guarded(() => observer.complete?.(), report);
      },
    });
  }
}

/** What is called may answer with a promise, although nobody waits for it. */
function guarded(call: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = call();
    if (isThenable(result)) Promise.resolve(result).catch(report);
  } catch (error) {
    report(error);
  }
}

/** A subscriber that fails at every event must not become a log flood. */
function once(report: (error: unknown) => void): (error: unknown) => void {
  let isTold = false;
  return error => {
    if (isTold) return;
    isTold = true;
    report(error);
  };
}
