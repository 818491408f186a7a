import type { Attributes, Histogram } from '@opentelemetry/api';
import type { Clock } from '../clock.js';
import { isThenable } from '../maybe-promise.js';
import { contained } from '../monitoring/index.js';
import { RefusalError } from '../protocol/index.js';
import { ERROR_TYPE, OTHER_ERROR } from './attributes.js';

/** Wraps a function: records its duration and, if it fails, the error code. */
export function timed<A extends unknown[], R>(
  histogram: Histogram,
  attributes: Attributes,
  clock: Clock,
  call: (...args: A) => R,
): (...args: A) => R {
  const end = (since: number, outcome: Attributes) => {
    histogram.record((clock.monotonic() - since) / 1000, outcome);
  };
  const failed = (error: unknown) => ({ ...attributes, [ERROR_TYPE]: codeOf(error) });
  return (...args) => {
    const since = clock.monotonic();
    let result: R;
    try {
      result = call(...args);
    } catch (error) {
      end(since, failed(error));
      throw error;
    }
    if (isThenable(result))
      result.then(
        contained(() => {
          end(since, attributes);
        }),
        contained((error: unknown) => {
          end(since, failed(error));
        }),
      );
    else end(since, attributes);
    return result;
  };
}

function codeOf(error: unknown): string {
  return RefusalError.is(error) ? error.code : OTHER_ERROR;
}
