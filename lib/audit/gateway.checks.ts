import {
  type AuditCheck,
  type AuditedGateway,
  type AuditedHandler,
  fail,
  pass,
  warn,
} from './audit-report.js';

export const adapter: AuditCheck = ({ gateways, hasAdapter }) =>
  hasAdapter || gateways.length === 0
    ? pass('An adapter of this library is installed')
    : fail(
        'SemanticEventsAdapter is not installed: handshakes and frames reach Nest unchecked',
        'Call app.useWebSocketAdapter(new SemanticEventsAdapter(app)) before the application starts',
      );

export const authentication: AuditCheck = ({ gateways, hasAdapter }) => {
  const unguarded = gateways.filter(({ isGuarded, isPublic }) => !isGuarded && !isPublic);
  if (unguarded.length > 0) {
    const fix = 'Put @SecureGateway() on them, or @Public() if every client may call them';
    return hasAdapter
      ? warn(`Only the adapter requires authentication: ${namesOf(unguarded)}`, fix)
      : fail(`Nothing requires authentication: ${namesOf(unguarded)}`, fix);
  }
  const open = gateways.flatMap(({ name, isPublic, handlers }) =>
    isPublic ? [name] : handlers.filter(handler => handler.isPublic).map(handler => handler.name),
  );
  return pass(
    open.length === 0
      ? 'Every handler requires authentication'
      : `Every handler requires authentication, except those with @Public(): ${open.join(', ')}`,
  );
};

export const validation: AuditCheck = ({ gateways }) =>
  naming(gateways, ({ isValidated }) => !isValidated, {
    none: 'The data of every handler is validated',
    some: 'Called with data that is not validated',
    fix:
      'Give @EventData() a schema, or its parameter a class with class-validator decorators. A class needs ' +
      'emitDecoratorMetadata, which esbuild does not support',
  });

export const signedEvents: AuditCheck = ({ gateways }) =>
  naming(gateways, ({ isSigned }) => !isSigned, {
    none: 'Every handler accepts signed events only',
    some: 'Called with events that are not signed',
    fix: 'Put @SignedEvent() on them, unless changed or repeated events do no harm',
  });

export const plainMessages: AuditCheck = ({ gateways, overridesCanPublish }) =>
  overridesCanPublish
    ? naming(gateways, handler => handler.takesAnyPlainMessage, {
        none: 'Your EventAuthorizer, @Roles() or @Authorize() decides about every message',
        some: 'Your EventAuthorizer sees events only. Called with plain messages of any client',
        fix: 'Put @Roles(), @Authorize() or @SignedEvent() on them, unless every client may call them',
      })
    : pass('Plain messages bypass no rule of yours: the application does not override canPublish');

export const handlerLimits: AuditCheck = ({ gateways }) =>
  naming(gateways, ({ isLimited }) => !isLimited, {
    none: 'Every handler has a rate limit',
    some: 'Limited by connection.messageRate only',
    fix: 'Put @RateLimit() on them, or on their gateway',
  });

export const gatewayProviders: AuditCheck = ({ gateways }) => {
  const names = gateways.map(({ name, path }) => `${name} at ${path}`);
  const twice = [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
  return twice.length === 0
    ? pass('Every gateway is provided by one module')
    : fail(
        `Several modules provide the same gateway, so each message is handled several times: ${twice.join(', ')}`,
        'Provide each gateway in one module',
      );
};

export const globalEnhancers: AuditCheck = ({ gateways, passedOver }) =>
  passedOver.length === 0 || gateways.length === 0
    ? pass('Nest runs every global guard, pipe and interceptor for gateways')
    : warn(
        `Nest does not run these for gateways: ${passedOver.join(', ')}`,
        'Put them on the gateways by @UseGuards(), @UsePipes() or @UseInterceptors(), unless they are for HTTP only',
      );

function naming(
  gateways: readonly AuditedGateway[],
  isNamed: (handler: AuditedHandler) => boolean,
  { none, some, fix }: { none: string; some: string; fix: string },
): ReturnType<AuditCheck> {
  const names = gateways
    .flatMap(({ handlers }) => handlers)
    .filter(isNamed)
    .map(({ name }) => name);
  return names.length === 0 ? pass(none) : warn(`${some}: ${names.join(', ')}`, fix);
}

function namesOf(gateways: readonly AuditedGateway[]): string {
  return gateways.map(({ name }) => name).join(', ');
}
