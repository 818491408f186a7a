export { eventIdOf, eventOf } from './event-of.js';
export { GuardRank, UseRankedGuard } from './guard-order.js';
export { RefusalException } from './refusal.exception.js';
export { refusing } from './refusing.js';
