// Calls decorators as functions, because JavaScript has no syntax for parameter decorators.

/** @param parameters the decorators of each parameter, from the first */
export function decorateMethod(Class, name, decorators, parameters = []) {
  for (const [index, decorate] of parameters.entries()) decorate?.(Class.prototype, name, index);
  const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, name);
  for (const decorate of decorators.toReversed()) decorate(Class.prototype, name, descriptor);
}

export function decorateClass(Class, ...decorators) {
  for (const decorate of decorators.toReversed()) decorate(Class);
}
