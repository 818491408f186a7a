import type { ResolvedOptions } from '../options/index.js';
import type { RingKey } from '../signing/index.js';

export type AuditStatus = 'pass' | 'warn' | 'fail';

/** One item of the checklist. */
export interface AuditItem {
  /** The name of the item. It is stable across versions. */
  readonly id: string;
  readonly status: AuditStatus;
  /** The finding of the checklist, as a sentence. */
  readonly finding: string;
  /** How to fix it, as a sentence. An item that passes has none. */
  readonly fix?: string;
}

export interface AuditReport {
  /** Whether no item fails. */
  readonly ok: boolean;
  /** The number of items of each status. */
  readonly counts: Readonly<Record<AuditStatus, number>>;
  readonly items: readonly AuditItem[];
}

/** Facts about a handler. */
export interface AuditedHandler {
  /** `Gateway.method`. */
  readonly name: string;
  readonly isPublic: boolean;
  readonly isValidated: boolean;
  /** Whether the handler accepts signed events only. */
  readonly isSigned: boolean;
  /** Whether the handler accepts messages that are not events, and no `@Roles()` or `@Authorize()` decides about them. */
  readonly takesAnyPlainMessage: boolean;
  /** Whether the handler or its gateway has a `@RateLimit` that limits anything. */
  readonly isLimited: boolean;
}

/** Facts about a gateway. */
export interface AuditedGateway {
  readonly name: string;
  readonly path: string;
  /** Whether the gateway listens on a port of its own, not on the application's. */
  readonly hasOwnPort: boolean;
  readonly isPublic: boolean;
  /** Whether `AuthenticatedGuard` protects every handler. */
  readonly isGuarded: boolean;
  readonly origins: readonly string[];
  readonly maxMessageSize: number;
  readonly handlers: readonly AuditedHandler[];
}

/** Facts about the HTTP server of the application. */
export interface HttpFacts {
  /** Whether its parser accepts requests that violate HTTP. */
  readonly isLenient: boolean;
  /** The maximum size of the headers of a request, in bytes. */
  readonly maxHeaderSize: number;
}

/** Everything the checklist examines. */
export interface AuditSubject {
  readonly options: ResolvedOptions;
  /** The key ring in use. `rotate()` may have replaced the one of the options. */
  readonly keys: readonly RingKey[];
  /** Why the key ring could not be read again; undefined if it could, or need not be. */
  readonly keyProblem?: string;
  readonly gateways: readonly AuditedGateway[];
  /** Whether an `EventAuthorizer` of the application decides which events clients may send. */
  readonly overridesCanPublish: boolean;
  /** Whether SemanticEventsAdapter serves the gateways. */
  readonly hasAdapter: boolean;
  /** Whether the HTTP server of the application terminates TLS itself. */
  readonly isTlsServer: boolean;
  /** Whether Node verifies the certificates of the servers that it calls. */
  readonly verifiesCertificates: boolean;
  /** The settings of the stores that are too small or too large, each with its usual range. */
  readonly unusualStoreSettings: readonly string[];
  /** The stores that keep their data in the memory of this process. */
  readonly inMemoryStores: readonly string[];
  /** The flags of the process, also those of `NODE_OPTIONS`. */
  readonly flags: readonly string[];
  readonly http: HttpFacts;
  /** The versions of the runtime and its parts, as in `process.versions`. */
  readonly runtime: Readonly<Record<string, string | undefined>>;
  /** How many files the process may have open, or `Infinity` if that is unknown. */
  readonly maxOpenFiles: number;
  /** Global guards, pipes and interceptors that Nest does not run for gateways. */
  readonly passedOver: readonly string[];
  /** Whether other processes serve the application, too. */
  readonly hasSiblings: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** Whether the clock has moved since the application was created. */
  readonly isClockRunning: boolean;
}

/** Examines one item of the checklist. */
export type AuditCheck = (subject: AuditSubject) => Omit<AuditItem, 'id'>;

export const pass = (finding: string) => ({ status: 'pass', finding }) as const;
export const warn = (finding: string, fix: string) => ({ status: 'warn', finding, fix }) as const;
export const fail = (finding: string, fix: string) => ({ status: 'fail', finding, fix }) as const;

/** Counts the items of a report. */
export function reportOf(items: readonly AuditItem[]): AuditReport {
  const counts = { pass: 0, warn: 0, fail: 0 };
  for (const { status } of items) counts[status]++;
  return { ok: counts.fail === 0, counts, items };
}
