import type { ResolvedOptions } from '../options/index.js';
import type { RingKey } from '../signing/index.js';

export type AuditStatus = 'pass' | 'warn' | 'fail';

/** What the checklist has to say of one thing. */
export interface AuditItem {
  /** Names the item; stable across versions. */
  readonly id: string;
  readonly status: AuditStatus;
  /** What was found, in a sentence. */
  readonly finding: string;
  /** How to mend it, in a sentence; undefined where there is nothing to mend. */
  readonly mend?: string;
}

export interface AuditReport {
  /** Whether no item is `fail`. */
  readonly ok: boolean;
  /** How many items there are of each status. */
  readonly counts: Readonly<Record<AuditStatus, number>>;
  readonly items: readonly AuditItem[];
}

/** What is known of a handler. */
export interface AuditedHandler {
  /** `Gateway.method`. */
  readonly name: string;
  readonly isPublic: boolean;
  readonly isValidated: boolean;
}

/** What is known of a gateway. */
export interface AuditedGateway {
  readonly name: string;
  readonly path: string;
  /** Whether it listens on a port of its own instead of the application's. */
  readonly hasOwnPort: boolean;
  readonly isPublic: boolean;
  /** Whether AuthenticatedGuard stands before all of its handlers. */
  readonly isGuarded: boolean;
  readonly origins: readonly string[];
  readonly maxMessageSize: number;
  readonly handlers: readonly AuditedHandler[];
}

/** Everything the checklist looks at. */
export interface AuditSubject {
  readonly options: ResolvedOptions;
  /** The key ring in use, which may be another than that of the options. */
  readonly keys: readonly RingKey[];
  readonly gateways: readonly AuditedGateway[];
  /** Whether SemanticEventsAdapter serves the gateways. */
  readonly hasAdapter: boolean;
  /** Whether the HTTP server of the application speaks TLS itself. */
  readonly isTlsServer: boolean;
  /** The stores that keep what they know in the memory of this process. */
  readonly inMemoryStores: readonly string[];
  /** Whether this process is one of several that serve the application. */
  readonly hasSiblings: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Answers for one item of the checklist. */
export type AuditCheck = (subject: AuditSubject) => Omit<AuditItem, 'id'>;

export const pass = (finding: string) => ({ status: 'pass', finding }) as const;
export const warn = (finding: string, mend: string) => ({ status: 'warn', finding, mend }) as const;
export const fail = (finding: string, mend: string) => ({ status: 'fail', finding, mend }) as const;

export function reportOf(items: readonly AuditItem[]): AuditReport {
  const counts = { pass: 0, warn: 0, fail: 0 };
  for (const { status } of items) counts[status]++;
  return { ok: counts.fail === 0, counts, items };
}
