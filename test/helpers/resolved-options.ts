import {
  type ResolvedOptions,
  resolveOptions,
  type SemanticEventsOptions,
} from '../../lib/options/index.js';
import { FakeClock } from './fake-clock.js';

/** The secret of the default key `main`. */
export const MAIN_SECRET = 'main-secret-of-at-least-32-bytes!';

/** Returns valid options with all defaults, at the initial time of a FakeClock. */
export function resolvedOptions(given: Partial<SemanticEventsOptions> = {}): ResolvedOptions {
  return resolveOptions(
    {
      signing: { keys: [{ id: 'main', secret: MAIN_SECRET }] },
      auth: { validateToken: () => null },
      ...given,
    },
    new FakeClock().now(),
  );
}
