import { Inject, Injectable } from '@nestjs/common';
import type { Client } from '../connection/index.js';
import { coversPattern, type SemanticEvent } from '../event/index.js';
import {
  type AllowedPatterns,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { EventAuthorizer } from './event-authorizer.js';
import { decodedSource, resourceOf, userNamedBy } from './source-user.js';

const SYSTEM = 'system';

/**
 * Clients may send anything but what is the server's or another's to say: events of type `system` or
 * `system.**`, of the server's own source, or of a source that names another user. They may listen to what
 * `mesh.allow` covers, which is nothing unless it is set.
 */
@Injectable()
export class DefaultEventAuthorizer extends EventAuthorizer {
  private readonly ownSource: string | undefined;
  private readonly allow: AllowedPatterns;

  constructor(@Inject(SEMANTIC_EVENTS_OPTIONS) { signing, mesh }: ResolvedOptions) {
    super();
    this.allow = mesh.allow;
    const own = decodedSource(signing.source);
    this.ownSource = own === undefined ? undefined : resourceOf(own).toLowerCase();
  }

  canPublish(client: Client, { type, source }: SemanticEvent): boolean {
    if (type === SYSTEM || type.startsWith(`${SYSTEM}.`)) return false;
    const decoded = decodedSource(source);
    if (decoded === undefined || resourceOf(decoded).toLowerCase() === this.ownSource) return false;
    const named = userNamedBy(decoded);
    return named === undefined || (client.user !== undefined && named === String(client.user.id));
  }

  canSubscribe({ user }: Client, pattern: string): boolean {
    if (!user) return false;
    const allowed = typeof this.allow === 'function' ? this.allow(user) : this.allow;
    return allowed.some(wider => coversPattern(wider, pattern));
  }
}
