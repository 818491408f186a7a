import { recovering } from '../maybe-promise.js';

type Hook = (...args: [socket: object, ...rest: unknown[]]) => unknown;

/**
 * Has somebody told what the hooks of a gateway throw or reject with: Nest leaves that to nobody, and it would end
 * the process.
 */
export function guardHooks(
  gateway: object,
  failed: (error: unknown, socket: object) => void,
): void {
  const hooks = gateway as Record<string, Hook | undefined>;
  for (const name of ['handleConnection', 'handleDisconnect']) {
    const hook = hooks[name];
    if (!hook) continue;
    hooks[name] = (...args) =>
      recovering(
        () => hook.apply(gateway, args),
        error => {
          failed(error, args[0]);
        },
      );
  }
}
