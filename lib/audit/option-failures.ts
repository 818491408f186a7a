import type { ResolvedOptions } from '../options/index.js';
import { KeyRing } from '../signing/index.js';
import { failuresOf } from './audit-table.js';
import { audit } from './checklist.js';

/**
 * Returns the checklist failures that the options alone cause, as sentences. Gateways, stores and servers do not exist yet,
 * so they count as correct.
 *
 * @param now milliseconds since the Unix epoch
 */
export function optionFailures(options: ResolvedOptions, now: number): string[] {
  if (options.audit !== 'enforce') return [];
  const report = audit({
    options,
    keys: new KeyRing(options.signing.keys).list(),
    gateways: [],
    overridesCanPublish: false,
    hasAdapter: true,
    isTlsServer: true,
    verifiesCertificates: true,
    inMemoryStores: [],
    unusualStoreSettings: [],
    flags: [],
    http: { isLenient: false, maxHeaderSize: 0 },
    runtime: process.versions,
    maxOpenFiles: Infinity,
    passedOver: [],
    hasSiblings: false,
    now,
    isClockRunning: true,
  });
  return failuresOf(report);
}
