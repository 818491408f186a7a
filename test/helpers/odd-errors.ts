/** Errors that throw or mislead when their members are read. */
export const ODD_ERRORS: Readonly<Record<string, () => unknown>> = {
  'an error whose message throws when it is read': () =>
    Object.defineProperty(new Error(), 'message', { get: throws }),
  'an error whose stack throws when it is read': () =>
    Object.defineProperty(new Error('x'), 'stack', { get: throws }),
  'an error whose name throws when it is read': () =>
    Object.defineProperty(new Error('x'), 'name', { get: throws }),
  'an error whose stack is a list of call sites': () =>
    Object.assign(new Error('x'), { stack: ['frame'] }),
  'an error whose message is an object without a prototype': () =>
    Object.assign(new Error('x'), { message: Object.create(null) as unknown }),
  'an error whose name is a symbol': () => Object.assign(new Error('x'), { name: Symbol('x') }),
  'a proxy that throws whatever it is asked': () =>
    new Proxy(new Error('x'), { get: throws, getPrototypeOf: throws, has: throws }),
  'a proxy that throws itself': () => {
    const proxy: unknown = new Proxy(new Error('x'), {
      getPrototypeOf: () => {
        throw proxy;
      },
    });
    return proxy;
  },
  'an error whose code throws when it is read': () =>
    Object.defineProperty(new Error('x'), 'code', { get: throws }),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  'an object without a prototype': () => Object.create(null) as unknown,
  nothing: () => undefined,
};

function throws(): never {
  throw new Error('cannot be read');
}
