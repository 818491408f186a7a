import { type AuditCheck, fail, pass, warn } from './audit-report.js';

export const stores: AuditCheck = ({ inMemoryStores, hasSiblings }) => {
  if (inMemoryStores.length === 0) return pass('Every store is shared');
  const names = inMemoryStores.join(', ');
  return hasSiblings
    ? fail(
        `Several processes serve the application, and each keeps its own: ${names}`,
        'Set stores, for example redisStores(): one process accepts again what another has already seen',
      )
    : pass(
        `Only this process serves the application, and it keeps in memory: ${names}${
          inMemoryStores.includes('log-outs') ? '. A restart forgets log-outs' : ''
        }`,
      );
};

export const runtime: AuditCheck = ({ runtime: { bun } }) =>
  bun === undefined
    ? pass('The runtime enforces every limit of a connection')
    : fail(
        `Bun ${bun} replaces the package ws: unfinished messages before authentication are not limited, and slow clients are not closed`,
        'Run the server on Node or Deno',
      );

export const replayStore: AuditCheck = ({ options }) =>
  options.replay.onStoreError === 'deny'
    ? pass('While the nonce store fails, no event is accepted twice')
    : warn(
        'While the nonce store fails, an event can be accepted twice',
        "Leave replay.onStoreError at 'deny'",
      );

export const errorDetail: AuditCheck = ({ options }) =>
  options.errors === 'brief'
    ? pass('Clients receive codes without reasons')
    : fail(
        'Clients receive the reasons of refusals, which helps attackers',
        "Leave errors at 'brief' in production",
      );

/** Kinds of security events by which an operator sees an attack. */
const WATCHED = [
  'refused',
  'closed',
  'handshakeRefused',
  'attemptFailed',
  'attemptsExhausted',
] as const;

export const securityLog: AuditCheck = ({ options }) => {
  const { log, address, levels } = options.monitoring;
  const silent = WATCHED.filter(kind => levels[kind] === 'off');
  if (log && silent.length > 0)
    return warn(
      `Not logged: ${silent.join(', ')}`,
      'Leave their monitoring.levels out, or log SecurityEvents yourself',
    );
  return log
    ? pass(`Refusals are logged without secrets; addresses: ${address}`)
    : warn('Refusals are not logged', 'Set monitoring.log to true, or log SecurityEvents yourself');
};
