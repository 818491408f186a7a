import type { ExecutionContext } from '@nestjs/common';

/**
 * Caches what the decorators of a handler and its gateway say. It never changes after start-up, and reading metadata costs
 * more than the rest of most guards.
 */
export function perHandler<T>(
  read: (context: ExecutionContext) => T,
): (context: ExecutionContext) => T {
  const gateways = new WeakMap<object, WeakMap<object, { readonly value: T }>>();
  return context => {
    // An inherited handler is one method of several gateways.
    const gateway = context.getClass();
    const handler = context.getHandler();
    let known = gateways.get(gateway);
    if (!known) gateways.set(gateway, (known = new WeakMap()));
    let found = known.get(handler);
    if (!found) known.set(handler, (found = { value: read(context) }));
    return found.value;
  };
}
