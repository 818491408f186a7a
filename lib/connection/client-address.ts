import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import proxyAddr from 'proxy-addr';
import { compileProxies, type TrustProxy } from '../options/index.js';

/** How much of an IPv6 address one customer usually has to himself (RFC 6177). */
const IPV6_PREFIX_GROUPS = 4;

const UNKNOWN = 'unknown';

/** Finds out who a request comes from, believing `X-Forwarded-*` only of the proxies that are trusted. */
export class ClientAddressResolver {
  private readonly trusts: (address: string, hop: number) => boolean;

  constructor(trustProxy: TrustProxy) {
    this.trusts = compileTrust(trustProxy);
  }

  /** The IP address of the client; an IPv4-mapped one as IPv4. */
  addressOf(request: IncomingMessage): string {
    const direct = request.socket.remoteAddress ?? UNKNOWN;
    // Nothing but an address may come out of a header.
    return normalizeAddress(proxyAddr(request, this.trusts)) ?? normalizeAddress(direct) ?? UNKNOWN;
  }

  /** Whether the client's connection is encrypted: to us, or to a trusted proxy that says so. */
  isSecure(request: IncomingMessage): boolean {
    if ('encrypted' in request.socket && request.socket.encrypted === true) return true;
    if (!this.trusts(request.socket.remoteAddress ?? UNKNOWN, 0)) return false;
    const forwarded = [request.headers['x-forwarded-proto'] ?? ''].flat().join(',');
    // Each proxy may have added what it saw: one hop in the clear is enough to listen in.
    return forwarded.split(',').every(protocol => protocol.trim().toLowerCase() === 'https');
  }
}

/**
 * Who an address is counted with: itself, or all of its /64 where it is IPv6, because a single host can use
 * every address of that.
 */
export function addressGroup(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const { parts } = parsed;
  const prefix = parts.slice(0, IPV6_PREFIX_GROUPS).map(part => part.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The one spelling of an IP address, or undefined when the text is none. */
function normalizeAddress(text: string): string | undefined {
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.process(text).toString();
  // One string of the two that are the same is enough to keep.
  return address === text ? text : address;
}

/** What Express takes as `trust proxy`: all, none, a number of hops, or addresses and subnets. */
function compileTrust(trustProxy: TrustProxy): (address: string, hop: number) => boolean {
  if (typeof trustProxy === 'boolean') return () => trustProxy;
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy;
  return compileProxies(trustProxy);
}
