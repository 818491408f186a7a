import type { ExecutionContext } from '@nestjs/common';

/**
 * Reads what the decorators of a handler and its gateway say, once for each: they have run and say the same for ever,
 * while looking metadata up costs more than most guards do beside it.
 */
export function perHandler<T>(
  read: (context: ExecutionContext) => T,
): (context: ExecutionContext) => T {
  const gateways = new WeakMap<object, WeakMap<object, { readonly value: T }>>();
  return context => {
    // A handler that is inherited is one method of several gateways.
    const gateway = context.getClass();
    const handler = context.getHandler();
    let known = gateways.get(gateway);
    if (!known) gateways.set(gateway, (known = new WeakMap()));
    let found = known.get(handler);
    if (!found) known.set(handler, (found = { value: read(context) }));
    return found.value;
  };
}
