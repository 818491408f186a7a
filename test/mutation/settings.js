// The mutated files, and for each group of them the suites that must detect the mutants.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

export const OUT = 'build/mutation';
export const MIN_SCORE = 90;

/**
 * A folder stands for all its files. Files that only wire Nest, sockets or Redis are held by integration tests over real
 * sockets and servers, which take seconds each; they are left out here.
 */
export const GROUPS = {
  event: {
    files: ['lib/event', 'lib/protocol', 'lib/text-frame.ts'],
    suites: [
      /^test\/unit\/event\//,
      // The page of the protocol is held by a suite that needs files beside it.
      /^test\/unit\/protocol\/(?!protocol-page)/,
      /^test\/unit\/(own-calls|text-frame|connection\/origin)\./,
      /^test\/property\/(codec-budget|event|frames|origin|patterns|rfc3339)\./,
    ],
  },
  signing: {
    files: ['lib/signing', 'lib/integradio'],
    without: {
      'serializable-replies.ts': 'needs class-transformer',
      'sign-reply.interceptor.ts': 'Nest wiring',
      'broadcast-signer.ts': 'needs a running server',
    },
    suites: [
      /^test\/unit\/(signing|integradio|own-calls)/,
      /^test\/property\/(canonical|codec-budget|python-json)/,
    ],
  },
  replay: {
    files: ['lib/replay', 'lib/key-table.ts', 'lib/key-shares.ts'],
    suites: [/^test\/unit\/(replay\/|key-)/, /^test\/property\/(key-|nonce-window)/],
  },
  'rate-limit': {
    files: ['lib/rate-limit', 'lib/store-outage.ts'],
    without: { 'semantic-events-throttler.storage.ts': 'needs @nestjs/throttler' },
    suites: [
      /^test\/unit\/(rate-limit\/|store-outage)/,
      /^test\/property\/(token-bucket|key-shares)/,
    ],
  },
  auth: {
    files: ['lib/auth'],
    without: {
      'issuer-keys.ts': 'needs an issuer on the network',
      'oidc-library.ts': 'needs an issuer on the network',
      'oidc-verifier.ts': 'needs an issuer on the network',
      'jwt-library.ts': 'Nest wiring',
      'ticket.controller.ts': 'Nest wiring',
      'ticket-limit.guard.ts': 'needs HTTP requests',
      'ticket-route.guard.ts': 'needs HTTP requests',
      'ticket-route.ts': 'Nest wiring',
      'tls.guard.ts': 'needs HTTP requests',
    },
    suites: [/^test\/unit\/auth\//],
  },
  handshake: {
    files: ['lib/handshake'],
    suites: [/^test\/unit\/(handshake\/|connection\/(client-address|origin|shared-host))/],
  },
  connection: {
    files: [
      'lib/connection',
      'lib/transports/ws/drain-after-close.ts',
      'lib/transports/ws/frame-headers.ts',
      'lib/transports/ws/outbound-queue.ts',
      'lib/transports/ws/receive-batch.ts',
    ],
    without: {
      'connection-services.ts': 'Nest wiring',
      'current-client.decorator.ts': 'Nest wiring',
      'served-endpoint.ts': 'Nest wiring',
      'telemetry-feed.ts': 'Nest wiring',
    },
    suites: [/^test\/unit\/(connection|transports)\//, /^test\/property\/connection-counts/],
  },
  mesh: {
    files: ['lib/mesh'],
    suites: [/^test\/unit\/(mesh\/|redis\/redis-event-log)/, /^test\/property\/audiences/],
  },
  redis: {
    files: ['lib/redis/hash-slot.ts', 'lib/redis/leased-buckets.ts'],
    suites: [/^test\/unit\/redis\//],
  },
};

/** Tests of so many keys that they take minutes while each place of the code counts its visits. */
export const SLOW =
  /200,000 live|150,000 of another|shrinks after a burst|over time|no longer used|what a Map would keep|has room for a newcomer/;

/** @returns the mutated files of a group: all, or those that are wanted by the group's name or by a part of their own */
export function filesOf(group, wanted) {
  const { files, without = {} } = GROUPS[group];
  const all = files.flatMap(path =>
    path.endsWith('.ts')
      ? [path]
      : readdirSync(path, { recursive: true })
          .filter(name => name.endsWith('.ts') && !(basename(name) in without))
          .map(name => join(path, name))
          .toSorted(),
  );
  if (wanted.length === 0 || wanted.includes(group)) return all;
  return all.filter(file => wanted.some(part => !(part in GROUPS) && file.includes(part)));
}
