import { createHash } from 'node:crypto';
import { type AddressGroup, addressGroups } from '../connection/index.js';

/**
 * The tables of this library's own limits. Each kind has its own table, so a flood of one kind cannot use up the keys of
 * another.
 */
export const NAMED_TABLES = ['handshakes', 'logins', 'tokens', 'handlers', 'http'] as const;

/** The table of a bucket. `application` contains the limits of the application. */
export type BucketTable = (typeof NAMED_TABLES)[number] | 'application';

/** The name of one bucket. */
export interface BucketKey {
  readonly table: BucketTable;
  /** A key of any length. Stores receive a long key as its digest. */
  readonly key: string;
  /** The factor by which the bucket exceeds the limit. @default 1 */
  readonly factor?: number;
  /**
   * The user or address that can create such keys. It gets a share of the table. Without an owner the key does not count.
   */
  readonly owner?: string;
}

/** The maximum length of a stored key. Longer keys are replaced by their digest. */
const MAX_KEY_LENGTH = 256;

/** Returns the key for stores: the table first, and of bounded length, whatever a client put into it. */
export function storedKey({ table, key }: BucketKey): string {
  return `${table}:${boundedKey(key)}`;
}

/** Returns the buckets of an address, the narrowest first: its own, and those of the IPv6 networks around it. */
export function addressBuckets(
  table: BucketTable,
  prefix: string,
  address: string,
): [BucketKey, ...BucketKey[]] {
  const bucketOf = ({ name, factor }: AddressGroup): BucketKey => ({
    table,
    key: `${prefix}address:${name}`,
    factor,
  });
  const [narrowest, ...wider] = addressGroups(address);
  return [bucketOf(narrowest), ...wider.map(bucketOf)];
}

function boundedKey(key: string): string {
  return key.length <= MAX_KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64url');
}
