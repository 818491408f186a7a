import { Client } from '../connection/index.js';
import { type GatewayClass, isApplicationClass, signatureOf } from '../handler/index.js';

/** Returns a sentence for each parameter of a handler whose class shows that its decorator was forgotten. */
export function forgottenIn(gateway: GatewayClass, method: string): string[] {
  const { handler, types, noted } = signatureOf(gateway, method);
  const decorated = noted && new Set(Object.values(noted).map(({ index }) => index));
  // A parameter with a default value does not count in `length`.
  return types.slice(0, handler?.length).flatMap((type, index) => {
    if (decorated?.has(index) || !isApplicationClass(type)) return [];
    // Without parameter decorators Nest calls a handler with the socket and the data.
    if (!decorated && type !== Client) return [];
    const instead = decorated || index > 1 ? 'undefined' : `the ${index === 0 ? 'socket' : 'data'}`;
    const fix = type === Client ? '@CurrentClient()' : 'one, such as @EventData()';
    return [
      `${gateway.name}.${method}: parameter ${index + 1} (${type.name}) has no decorator, so Nest passes ${instead}: add ${fix}`,
    ];
  });
}
