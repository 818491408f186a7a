import { platform } from './platform.js';

/**
 * Calls back when the network may be back or the device may have slept. A waiting client then reconnects at
 * once, and a connected client checks its connection.
 *
 * @returns a function that stops it
 */
export type WakeSource = (wake: () => void) => () => void;

/** Watches the page or worker: `online`, `pageshow`, and a page that becomes visible. Elsewhere it never calls back. */
export const watchPage: WakeSource = wake => {
  const { document } = platform;
  const wakeIfVisible = () => {
    if (document?.visibilityState === 'visible') wake();
  };
  const watched = [
    [platform, 'online', wake],
    [platform, 'pageshow', wake],
    [document, 'visibilitychange', wakeIfVisible],
  ] as const;
  for (const [target, name, listener] of watched) target?.addEventListener?.(name, listener);
  return () => {
    for (const [target, name, listener] of watched) target?.removeEventListener?.(name, listener);
  };
};
