import { Inject, Injectable } from '@nestjs/common';
import type { Client } from '../connection/index.js';
import { coversPattern, type SemanticEvent } from '../event/index.js';
import {
  type AllowedPatterns,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { EventAuthorizer, type SubscribeDecision } from './event-authorizer.js';
import { readingsOf, resourceOf, userNamedBy } from './source-user.js';

const SYSTEM = 'system';

/**
 * Allows clients to send any event, except those that only the server or another user may send: events of type `system` or
 * `system.**`, with the source of the server, or with a source that names another user. Clients may subscribe to the
 * patterns of `mesh.allow`, which is empty by default.
 */
@Injectable()
export class DefaultEventAuthorizer extends EventAuthorizer {
  private readonly ownSource: string | undefined;
  private readonly allow: AllowedPatterns;

  constructor(@Inject(SEMANTIC_EVENTS_OPTIONS) { signing, mesh }: ResolvedOptions) {
    super();
    this.allow = mesh.allow;
    const own = readingsOf(signing.source)?.at(-1);
    this.ownSource = own === undefined ? undefined : resourceOf(own).toLowerCase();
  }

  canPublish(client: Client, { type, source }: SemanticEvent): boolean {
    if (type === SYSTEM || type.startsWith(`${SYSTEM}.`)) return false;
    // An id may contain percent signs. The source must not name another user, however a reader decodes it.
    return readingsOf(source)?.every(reading => this.mayUse(client, reading)) ?? false;
  }

  canSubscribe({ user }: Client, pattern: string): SubscribeDecision | Promise<SubscribeDecision> {
    if (!user) return false;
    const allowed = typeof this.allow === 'function' ? this.allow(user) : this.allow;
    return allowed.some(wider => coversPattern(wider, pattern));
  }

  private mayUse({ user }: Client, reading: string): boolean {
    if (resourceOf(reading).toLowerCase() === this.ownSource) return false;
    const named = userNamedBy(reading);
    return named === undefined || (user !== undefined && named === String(user.id));
  }
}
