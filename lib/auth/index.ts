export { AuthenticatedGuard } from './authenticated.guard.js';
export { Public, PUBLIC } from './public.decorator.js';
export { type AuthenticatedSession, TokenAuthenticator } from './token-authenticator.js';
