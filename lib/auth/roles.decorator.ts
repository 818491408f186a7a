import { Problems } from '../options/index.js';
import { UseAuthorization } from './authorize.decorator.js';

/**
 * Allows only users with one of the roles to call a handler, or every handler of a gateway. Other users are rejected with
 * `FORBIDDEN`. If both a gateway and its handler name roles, a user needs one role of each.
 *
 * @throws SemanticEventsConfigError if no role is named
 */
export function Roles(...roles: string[]): ClassDecorator & MethodDecorator {
  const problems = new Problems();
  if (roles.length === 0 || !roles.every(role => typeof role === 'string' && role !== ''))
    problems.add('@Roles', 'must name at least one role');
  problems.throwIfAny();
  const name = `@Roles(${roles.join(', ')})`;
  return UseAuthorization(name, ({ user }) => () => {
    const held: unknown = user?.roles;
    return Array.isArray(held) && roles.some(role => held.includes(role));
  });
}
