import type { IncomingMessage, Server } from 'node:http';
import ipaddr from 'ipaddr.js';
import proxyAddr from 'proxy-addr';
import { compileProxies, type TrustProxy } from '../options/index.js';

/**
 * IPv6 networks wider than a /64. `factor` multiplies the limit of one address. A single host can use a whole /64 (RFC 4862),
 * and a single site a /56 up to a /48 (RFC 6177).
 */
const WIDER_NETWORKS = [
  { prefix: 56, factor: 4 },
  { prefix: 48, factor: 16 },
] as const;

/** The maximum number of proxies between a client and the server. A header has room for thousands, each of which costs time. */
const MAX_HOPS = 32;

const UNKNOWN = 'unknown';
const LOOPBACK = '127.0.0.1';

/** Determines the client address of a request. It reads `X-Forwarded-*` only from trusted proxies. */
export class ClientAddressResolver {
  private readonly trusts: (address: string, hop: number) => boolean;

  constructor(trustProxy: TrustProxy) {
    this.trusts = compileTrust(trustProxy);
  }

  /** Returns the IP address of the client. An IPv4-mapped address is returned as IPv4. */
  addressOf(request: IncomingMessage): string {
    const peer = peerOf(request);
    const address = proxyAddr(
      request,
      (hop, distance) =>
        distance < MAX_HOPS &&
        this.trusts(distance === 0 ? peer : (normalizeAddress(hop) ?? hop), distance),
    ) as string | undefined;
    // A header may contain any text: use it only if it is an address.
    const direct = request.socket.remoteAddress;
    return normalizeAddress(address) ?? normalizeAddress(direct) ?? UNKNOWN;
  }

  /** Returns whether a trusted proxy sent the request. */
  isFromProxy(request: IncomingMessage): boolean {
    return this.trusts(peerOf(request), 0);
  }

  /** Returns whether the client's connection is encrypted, to this server or, by its header, to a trusted proxy. */
  isSecure(request: IncomingMessage): boolean {
    if ('encrypted' in request.socket && request.socket.encrypted === true) return true;
    if (!this.isFromProxy(request)) return false;
    const forwarded = [request.headers['x-forwarded-proto'] ?? ''].flat().join(',');
    // Each proxy may have added its protocol. One unencrypted hop is enough to read the traffic.
    return forwarded.split(',').every(protocol => ENCRYPTED.has(protocol.trim().toLowerCase()));
  }
}

/** Addresses that are counted together. */
export interface AddressGroup {
  /** The address itself, or the IPv6 network. */
  readonly name: string;
  /** Multiplies the limit of one address. */
  readonly factor: number;
}

/** Names of encrypted protocols. Traefik sends `wss` for a WebSocket over TLS. */
const ENCRYPTED: ReadonlySet<string> = new Set(['https', 'wss']);

/** Returns the address of the TCP connection. A proxy on a Unix socket has no address: it runs on this machine. */
function peerOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? (isUnixSocket(socket) ? LOOPBACK : UNKNOWN);
}

/**
 * Returns whether the server listens on a Unix socket. The socket alone does not show it: a closed TCP socket has no address
 * either.
 */
function isUnixSocket(socket: object): boolean {
  const { server } = socket as { server?: Server };
  return typeof server?.address() === 'string';
}

/**
 * Returns the groups of an address, the narrowest first. An IPv4 address is a group of its own. An IPv6 address belongs to its
 * /64 and, with larger limits, its /56 and /48. So a customer with many /64 networks cannot multiply a limit.
 */
export function addressGroups(address: string): readonly [AddressGroup, ...AddressGroup[]] {
  if (!ipaddr.IPv6.isValid(address)) return [{ name: address, factor: 1 }];
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return [{ name: parsed.toIPv4Address().toString(), factor: 1 }];
  const { parts } = parsed;
  return [
    { name: networkOf(parts, 64), factor: 1 },
    ...WIDER_NETWORKS.map(({ prefix, factor }) => ({ name: networkOf(parts, prefix), factor })),
  ];
}

/** Returns the narrowest group of an address: the address itself, or its IPv6 /64. */
export function addressGroup(address: string): string {
  return addressGroups(address)[0].name;
}

/** @param parts the eight groups of 16 bits of an address */
function networkOf(parts: readonly number[], prefix: number): string {
  const groups = parts.slice(0, Math.ceil(prefix / 16));
  const rest = prefix % 16;
  if (rest > 0) groups.push((groups.pop() as number) & (0xffff << (16 - rest)));
  return `${groups.map(group => group.toString(16)).join(':')}::/${prefix}`;
}

/** Some proxies, such as Azure Application Gateway, add the port to `X-Forwarded-For`, or put an IPv6 address in brackets. */
const WITH_PORT = /^(?:([\d.]+):\d{1,5}|\[([\da-f:.]+)\](?::\d{1,5})?)$/i;

/** Returns the normal form of an IP address, without brackets and port; undefined if the text is not an address. */
function normalizeAddress(given: string | undefined): string | undefined {
  const [, ipv4, ipv6] = WITH_PORT.exec(given ?? '') ?? [];
  const text = ipv4 ?? ipv6 ?? given;
  if (text === undefined || !ipaddr.isValid(text)) return undefined;
  const parsed = ipaddr.process(text);
  // A zone is known to its own host only, and a header may contain one of any length.
  if ('zoneId' in parsed) parsed.zoneId = undefined;
  const address = parsed.toString();
  // Keep one of two equal strings.
  return address === text ? text : address;
}

/**
 * Compiles `connection.trustProxy`, which is like `trust proxy` of Express: all, none, a number of hops, or addresses and
 * subnets.
 */
function compileTrust(trustProxy: TrustProxy): (address: string, hop: number) => boolean {
  if (typeof trustProxy === 'boolean') return () => trustProxy;
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy;
  return compileProxies(trustProxy);
}

/**
 * Returns whether two addresses may belong to one host: the same IPv4 address, or the same IPv6 /64. An IPv4 and an IPv6 address
 * may, because a host can use one for HTTP and the other for its WebSocket.
 *
 * @param isStrict whether addresses of different families count as different hosts
 */
export function mayShareHost(one: string, other: string, isStrict: boolean): boolean {
  const [kind, otherKind] = [kindOf(one), kindOf(other)];
  if (!isStrict && kind && otherKind && kind !== otherKind) return true;
  return addressGroup(one) === addressGroup(other);
}

function kindOf(address: string): string | undefined {
  return ipaddr.isValid(address) ? ipaddr.process(address).kind() : undefined;
}
