import { applyDecorators, UseFilters, UseInterceptors } from '@nestjs/common';
import { AuthenticatedGuard, EventAuthorizationGuard } from '../auth/index.js';
import { GuardRank, UseRankedGuard } from '../handler/index.js';
import { SemanticEventsExceptionFilter } from './semantic-events-exception.filter.js';
import { StockAdapterReplies } from './stock-adapter-replies.interceptor.js';

/**
 * Makes a gateway one of ours: only authenticated clients reach its handlers (but for what is `@Public()`), and
 * only with events the EventAuthorizer lets them send; its replies to semantic events are signed, and whatever
 * goes wrong is answered by a code of the table.
 */
export function SecureGateway(): ClassDecorator {
  return applyDecorators(
    UseRankedGuard(GuardRank.Authenticated, AuthenticatedGuard),
    UseRankedGuard(GuardRank.Authorization, EventAuthorizationGuard),
    UseFilters(SemanticEventsExceptionFilter),
    UseInterceptors(StockAdapterReplies),
  );
}
