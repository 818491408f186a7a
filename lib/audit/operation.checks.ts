import { type AuditCheck, fail, pass, warn } from './audit-report.js';

export const stores: AuditCheck = ({ inMemoryStores, hasSiblings }) => {
  if (inMemoryStores.length === 0) return pass('Every store is shared');
  const names = inMemoryStores.join(', ');
  return hasSiblings
    ? fail(
        `One of several processes remembers by itself: ${names}`,
        'Give the processes common stores: what one has seen, another would take again',
      )
    : pass(`In the memory of the one process there is: ${names}`);
};

export const replayStore: AuditCheck = ({ options }) =>
  options.replay.onStoreError === 'deny'
    ? pass('No event is accepted twice while the store of nonces fails')
    : warn(
        'Events can be accepted twice while the store of nonces fails',
        "Leave replay.onStoreError at 'deny'",
      );

export const securityLog: AuditCheck = ({ options }) => {
  const { log, address } = options.monitoring;
  return log
    ? pass(`Refusals are logged without any secret; addresses: ${address}`)
    : warn('Refusals are not logged', 'Leave monitoring.log on, or subscribe to SecurityEvents');
};
