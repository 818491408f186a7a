import { applyDecorators, UseFilters, UseInterceptors } from '@nestjs/common';
import { AuthenticatedGuard, EventAuthorizationGuard } from '../auth/index.js';
import { GuardRank, UseRankedGuard } from '../handler/index.js';
import { SemanticEventsExceptionFilter } from './semantic-events-exception.filter.js';
import { StockAdapterReplies } from './stock-adapter-replies.interceptor.js';

const NAME = '@SecureGateway()';

/**
 * Protects a gateway. Only authenticated clients reach its handlers, except `@Public()` ones. They may send only events that the
 * `EventAuthorizer` allows. `EventAuthorizer` sees CloudEvents only: for plain messages in Nest's own frame use `@Roles()`. Replies to semantic events are signed. Errors are answered with a code of PROTOCOL.md.
 */
export function SecureGateway(): ClassDecorator {
  return applyDecorators(
    UseRankedGuard(GuardRank.Authenticated, AuthenticatedGuard, NAME),
    UseRankedGuard(GuardRank.Authorization, EventAuthorizationGuard, NAME),
    UseFilters(SemanticEventsExceptionFilter),
    UseInterceptors(StockAdapterReplies),
  );
}
