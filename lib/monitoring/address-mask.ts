import { createHmac, randomBytes } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { AddressForm } from '../options/index.js';

/** What is left of an address when it is truncated, in bits. */
const IPV4_PREFIX = 24;
const IPV6_PREFIX = 48;
/** How much of an IPv6 address one customer usually has to himself (RFC 6177), in bits. */
const IPV6_CUSTOMER = 64;
const HASH_LENGTH = 16;

/** Brings addresses into the form in which they may be told. */
export class AddressMask {
  /** Lives as long as the process: nobody can work out later whose address a hash is. */
  private readonly key = randomBytes(32);
  private last: { address: string; told: string | undefined } | undefined;

  constructor(private readonly form: AddressForm) {}

  /** An address as it may be told; undefined when none may. */
  apply(address: string): string | undefined {
    // Who floods us is told of again and again.
    if (this.last?.address !== address) this.last = { address, told: this.mask(address) };
    return this.last.told;
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

/** Who an address is counted with in the log: itself, or its /64 where it is IPv6. */
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
