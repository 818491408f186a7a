import { type AuditCheck, type AuditedGateway, fail, pass, warn } from './audit-report.js';

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
    const mend = 'Put @SecureGateway() on them, or @Public() where anybody may call them';
    return hasAdapter
      ? warn(`Only the adapter asks for authentication: ${namesOf(unguarded)}`, mend)
      : fail(`Nothing asks for authentication: ${namesOf(unguarded)}`, mend);
  }
  const open = gateways.flatMap(({ name, isPublic, handlers }) =>
    isPublic ? [name] : handlers.filter(handler => handler.isPublic).map(handler => handler.name),
  );
  return pass(
    open.length === 0
      ? 'Every handler needs authentication'
      : `Every handler needs authentication but those that are @Public(): ${open.join(', ')}`,
  );
};

export const validation: AuditCheck = ({ gateways }) => {
  const unvalidated = gateways
    .flatMap(({ handlers }) => handlers)
    .filter(({ isValidated }) => !isValidated)
    .map(({ name }) => name);
  return unvalidated.length === 0
    ? pass('Every handler has its data validated')
    : warn(
        `Called with data nothing has validated: ${unvalidated.join(', ')}`,
        'Give @EventData() a schema, or its parameter a class with class-validator decorators',
      );
};

function namesOf(gateways: readonly AuditedGateway[]): string {
  return gateways.map(({ name }) => name).join(', ');
}
