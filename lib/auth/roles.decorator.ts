import { Problems } from '../options/index.js';
import { UseAuthorization } from './authorize.decorator.js';

/**
 * Lets a handler, or every handler of a gateway, be called only by users that have one of the roles; others are
 * refused with `FORBIDDEN`. Where a gateway and its handler both name roles, a user needs one of each.
 *
 * @throws SemanticEventsConfigError when no role is named
 */
export function Roles(...roles: string[]): ClassDecorator & MethodDecorator {
  const problems = new Problems();
  if (roles.length === 0 || !roles.every(role => typeof role === 'string' && role !== ''))
    problems.add('@Roles', 'must name at least one role');
  problems.throwIfAny();
  return UseAuthorization(({ user }) => () => {
    const held: unknown = user?.roles;
    return Array.isArray(held) && roles.some(role => held.includes(role));
  });
}
