// Module hooks for a Node process that runs the sources of lib/ and cannot resolve OpenTelemetry.
import { resolve as resolveTypeScript } from '../../../sample/run-typescript/hooks.js';

export { load } from '../../../sample/run-typescript/hooks.js';

export function resolve(specifier, context, next) {
  if (!specifier.startsWith('@opentelemetry/')) return resolveTypeScript(specifier, context, next);
  throw Object.assign(new Error(`Cannot find package '${specifier}'`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
}
