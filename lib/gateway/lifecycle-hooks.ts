import type { ExceptionFilter } from '@nestjs/common';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { EXCEPTION_FILTERS_METADATA, type GatewayClass } from '../handler/index.js';
import { recovering } from '../maybe-promise.js';

type Hook = (this: object, ...args: [socket: object, ...rest: unknown[]]) => unknown;
type Failed = (error: unknown, socket: object) => void;

const HOOKS = ['handleConnection', 'handleDisconnect'] as const;

/**
 * Catches errors and rejections of the hooks of a gateway. Nest calls them from RxJS without awaiting them, so an error would
 * end the process.
 *
 * @param failed called with the error, and the socket of the call
 */
export function guardHooks(wrapper: InstanceWrapper, failed: Failed): void {
  const { instance } = wrapper as { instance: object };
  guardInstance(instance, failed);
  if (!wrapper.isDependencyTreeStatic()) guardScoped(wrapper, instance, failed);
}

function guardInstance(instance: object, failed: Failed): void {
  const hooks = instance as Partial<Record<(typeof HOOKS)[number], Hook>>;
  for (const name of HOOKS) {
    const hook = hooks[name];
    if (hook) hooks[name] = guarded(hook, failed);
  }
}

function guarded(hook: Hook, failed: Failed): Hook {
  return function (...args) {
    return recovering(
      () => hook.apply(this, args),
      error => {
        failed(error, args[0]);
      },
    );
  };
}

/** Guards a request-scoped gateway. Nest creates it and its dependencies for each connection, and each creation may fail. */
function guardScoped(wrapper: InstanceWrapper, model: object, failed: Failed): void {
  wrapper.metatype = guardedClass(wrapper.metatype as GatewayClass, failed);
  const filter: ExceptionFilter = {
    catch: (error, host) => {
      failed(error, host.switchToWs().getClient());
    },
  };
  const hooks = model as Partial<Record<(typeof HOOKS)[number], Hook>>;
  for (const name of HOOKS) {
    // Nest does not call these hooks. If it cannot create a gateway, it reads the filters from them. Without a hook, the error
    // would end the process.
    const hook = hooks[name] ?? (() => undefined);
    const place: Hook = function (...args) {
      return hook.apply(this, args);
    };
    Reflect.defineMetadata(EXCEPTION_FILTERS_METADATA, [filter], place);
    hooks[name] = place;
  }
}

/** Returns a class whose instances have guarded hooks. A hook may be a field, so guarding the prototype is not enough. */
function guardedClass(gateway: GatewayClass, failed: Failed): GatewayClass {
  function Guarded(...args: unknown[]): object {
    const instance = Reflect.construct(gateway, args) as object;
    guardInstance(instance, failed);
    return instance;
  }
  // Decorators and injection read metadata along this chain.
  Object.setPrototypeOf(Guarded, gateway);
  Object.defineProperty(Guarded, 'name', { value: gateway.name });
  Guarded.prototype = gateway.prototype as object;
  return Guarded as unknown as GatewayClass;
}
