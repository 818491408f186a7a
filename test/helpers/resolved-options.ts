import {
  type ResolvedOptions,
  resolveOptions,
  type SemanticEventsOptions,
} from '../../lib/options/index.js';
import { FakeClock } from './fake-clock.js';

/** The secret of the one key, `main`, of options that name no others. */
export const MAIN_SECRET = 'main-secret-of-at-least-32-bytes!';

/** Valid options with every default filled in, as of the moment a new FakeClock shows. */
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
