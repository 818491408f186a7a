import { SemanticEventsClientError } from './client-error.js';

/** The part of an `AbortSignal` that the client uses. */
export interface Abortable {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(name: 'abort', listener: () => void): void;
  removeEventListener(name: 'abort', listener: () => void): void;
}

/**
 * Calls `aborted` when a signal is aborted, or at once if it already is.
 *
 * @returns a function that removes the listener
 */
export function onAbort(
  signal: Abortable | undefined,
  aborted: (error: SemanticEventsClientError) => void,
): () => void {
  const report = () => {
    aborted(new SemanticEventsClientError('ABORTED', { cause: signal?.reason }));
  };
  if (signal?.aborted) report();
  else signal?.addEventListener('abort', report);
  return () => {
    signal?.removeEventListener('abort', report);
  };
}
