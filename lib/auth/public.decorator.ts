import { SetMetadata } from '@nestjs/common';
import { markHandler } from '../handler/index.js';

export const PUBLIC = Symbol('PUBLIC');

/**
 * Allows clients without authentication to call a handler, or every handler of a gateway. On a gateway it applies to that
 * class only, not to its subclasses.
 *
 * @param isPublic `false` requires authentication for one handler of a public gateway. @default true
 */
export function Public(isPublic = true): ClassDecorator & MethodDecorator {
  const decorate = SetMetadata(PUBLIC, isPublic);
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    decorate(target as never, key as never, descriptor as never);
    if (isPublic || key === undefined) return;
    const isOn = (handler: object) => Reflect.hasMetadata(PUBLIC, handler);
    markHandler(target, key, { name: '@Public(false)', isOn, isReplacedOn: isOn });
  };
}

/** Returns whether a gateway class itself is public. The decorator of a base class does not count. */
export function isPublicGateway(gateway: object): boolean {
  return Reflect.getOwnMetadata(PUBLIC, gateway) === true;
}

/** Returns whether a handler of a gateway may be called without authentication. */
export function isPublicHandler(gateway: object, handler: object): boolean {
  const own: unknown = Reflect.getMetadata(PUBLIC, handler);
  return own === undefined ? isPublicGateway(gateway) : own === true;
}
