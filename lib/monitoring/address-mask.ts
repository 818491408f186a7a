import { createHmac, randomBytes } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { AddressForm } from '../options/index.js';

/** The number of bits that a truncated address keeps. */
const IPV4_PREFIX = 24;
const IPV6_PREFIX = 48;
/** The prefix of an IPv6 address that one customer usually has (RFC 6177), in bits. */
const IPV6_CUSTOMER = 64;
const HASH_LENGTH = 16;

/** Masks addresses for logs and events, in the form that `monitoring.address` sets. */
export class AddressMask {
  /** The key of hashed addresses. It exists only in this process, so that a hash cannot be reversed later. */
  private readonly key = randomBytes(32);
  private last: { address: string; masked: string | undefined } | undefined;

  constructor(private readonly form: AddressForm) {}

  /** Returns the masked address; undefined if addresses are not shown. */
  apply(address: string): string | undefined {
    // A flood repeats its address: cache the result.
    if (this.last?.address !== address) this.last = { address, masked: this.mask(address) };
    return this.last.masked;
  }

  private mask(address: string): string | undefined {
    switch (this.form) {
      case 'full':
        return addressText(address);
      case 'truncated':
        return networkOf(address, IPV4_PREFIX, IPV6_PREFIX);
      case 'hashed':
        return this.hash(networkOf(address, 32, IPV6_CUSTOMER));
      case 'none':
        return undefined;
    }
  }

  private hash(text: string): string {
    const mac = createHmac('sha256', this.key).update(text).digest('base64url');
    return `#${mac.slice(0, HASH_LENGTH)}`;
  }
}

/** Returns the group of an address in the log: the address itself, or the /64 of an IPv6 address. */
export function sourceOf(address: string): string {
  return ipaddr.IPv6.isValid(address) ? networkOf(address, 32, IPV6_CUSTOMER) : address;
}

function networkOf(address: string, ipv4Prefix: number, ipv6Prefix: number): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') {
    if (ipv4Prefix === 32) return parsed.toString();
    return `${ipaddr.IPv4.networkAddressFromCIDR(`${parsed.toString()}/${ipv4Prefix}`).toString()}/${ipv4Prefix}`;
  }
  const network = ipaddr.IPv6.networkAddressFromCIDR(
    `${parsed.toNormalizedString()}/${ipv6Prefix}`,
  );
  return `${network.toString()}/${ipv6Prefix}`;
}

function addressText(address: string): string {
  return ipaddr.isValid(address) ? address : 'unknown';
}
