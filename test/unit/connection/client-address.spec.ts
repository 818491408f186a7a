import type { IncomingMessage } from 'node:http';
import {
  addressGroup,
  addressGroups,
  ClientAddressResolver,
} from '../../../lib/connection/client-address.js';
import type { TrustProxy } from '../../../lib/options/index.js';

interface Peer {
  remoteAddress?: string;
  forwarded?: string;
  proto?: string;
  encrypted?: boolean;
}

function request({ remoteAddress = '10.0.0.1', forwarded, proto, encrypted }: Peer) {
  const headers: Record<string, string> = {};
  if (forwarded !== undefined) headers['x-forwarded-for'] = forwarded;
  if (proto !== undefined) headers['x-forwarded-proto'] = proto;
  return { headers, socket: { remoteAddress, encrypted } } as unknown as IncomingMessage;
}

const addressOf = (trustProxy: TrustProxy, peer: Peer) =>
  new ClientAddressResolver(trustProxy).addressOf(request(peer));
const isSecure = (trustProxy: TrustProxy, peer: Peer) =>
  new ClientAddressResolver(trustProxy).isSecure(request(peer));

describe('addressOf', () => {
  it('reads a limited number of hops, because each of thousands would cost time', () => {
    const forwarded = Array.from({ length: 3_000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
    const peer = { forwarded: `203.0.113.9, ${forwarded.join(', ')}` };
    expect(addressOf('10.0.0.0/8', peer)).toBe(forwarded.at(-32));
  });

  it('returns the TCP address if no proxy is trusted, whatever the headers say', () => {
    const peer = { remoteAddress: '192.0.2.1', forwarded: '203.0.113.9' };
    expect(addressOf(false, peer)).toBe('192.0.2.1');
    expect(addressOf(0, peer)).toBe('192.0.2.1');
    expect(addressOf([], peer)).toBe('192.0.2.1');
    expect(addressOf('loopback', peer)).toBe('192.0.2.1');
  });

  it.each<[TrustProxy, string, string]>([
    ['10.0.0.0/8', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.0/8', '198.51.100.7, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.0/8', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
    [1, '198.51.100.7, 203.0.113.9', '203.0.113.9'],
    [2, '198.51.100.7, 203.0.113.9', '198.51.100.7'],
    [true, '198.51.100.7, 203.0.113.9', '198.51.100.7'],
    [['10.0.0.1', '203.0.113.0/24'], '198.51.100.7, 203.0.113.9', '198.51.100.7'],
  ])('with %j trusted and X-Forwarded-For: %s returns %s', (trustProxy, forwarded, expected) => {
    expect(addressOf(trustProxy, { forwarded })).toBe(expected);
  });

  it.each([
    'unknown',
    '',
    'localhost',
    '<script>',
    '203.0.113.9:',
    '[::1',
    '1.2.3.4.5:80',
    '1.2.3.4.5',
    'a\nb',
  ])('returns the address of the proxy if it forwards %j, which is not an address', forwarded => {
    expect(addressOf('10.0.0.1', { forwarded })).toBe('10.0.0.1');
  });

  it.each([
    ['203.0.113.9:1234', '203.0.113.9'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[::ffff:192.0.2.1]:443', '192.0.2.1'],
    ['[2001:db8::1]', '2001:db8::1'],
    [`fe80::1%${'a'.repeat(3_000)}`, 'fe80::1'],
  ])(
    'returns %s, as some proxies forward it, without brackets, port and zone',
    (forwarded, expected) => {
      expect(addressOf('10.0.0.1', { forwarded })).toBe(expected);
    },
  );

  it.each(['10.0.0.2:52011', '::ffff:10.0.0.2', '[::ffff:10.0.0.2]:52011'])(
    'recognizes the trusted proxy %s in any form in which another proxy forwards it',
    hop => {
      expect(addressOf('10.0.0.0/8', { forwarded: `203.0.113.9:1234, ${hop}` })).toBe(
        '203.0.113.9',
      );
      expect(addressOf('10.0.0.1', { forwarded: `203.0.113.9:1234, ${hop}` })).toBe('10.0.0.2');
    },
  );

  it('normalizes addresses, and returns IPv4-mapped IPv6 as IPv4', () => {
    expect(addressOf(false, { remoteAddress: '::ffff:192.0.2.1' })).toBe('192.0.2.1');
    expect(addressOf(true, { forwarded: '::FFFF:c000:201' })).toBe('192.0.2.1');
    expect(addressOf(true, { forwarded: '2001:DB8:0:0::1' })).toBe('2001:db8::1');
  });

  it.each([
    ['loopback', '198.51.100.7'],
    [['10.0.0.0/8', 'loopback'], '198.51.100.7'],
    [true, '198.51.100.7'],
    [1, '198.51.100.7'],
    ['10.0.0.0/8', 'unknown'],
    [false, 'unknown'],
  ])('for a proxy on a Unix socket, trusted by %j, returns %s', (trustProxy, expected) => {
    const server = { address: () => '/run/app.sock' };
    const headers = { 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': 'https' };
    const request = { headers, socket: { server }, connection: {} } as unknown as IncomingMessage;
    const resolver = new ClientAddressResolver(trustProxy);
    expect(resolver.addressOf(request)).toBe(expected);
    expect(resolver.isSecure(request)).toBe(expected !== 'unknown');
  });

  it.each([
    ['wss', true],
    ['https, wss', true],
    ['WSS', true],
    ['ws', false],
    ['http', false],
    ['wss, http', false],
    ['', false],
  ])('for x-forwarded-proto %j of a trusted proxy, isSecure returns %s', (proto, secure) => {
    const headers = { 'x-forwarded-proto': proto };
    const request = {
      headers,
      socket: { remoteAddress: '127.0.0.1' },
    } as unknown as IncomingMessage;
    expect(new ClientAddressResolver('loopback').isSecure(request)).toBe(secure);
    expect(new ClientAddressResolver(false).isSecure(request)).toBe(false);
  });

  it('returns unknown if the TCP connection has already closed', () => {
    const gone = { headers: {}, socket: {} } as unknown as IncomingMessage;
    for (const trustProxy of [false, true, 1, 'loopback', ['10.0.0.0/8']])
      expect(new ClientAddressResolver(trustProxy).addressOf(gone)).toBe('unknown');
  });
});

describe('isSecure', () => {
  it('returns true if the TCP connection is encrypted', () => {
    expect(isSecure(false, { encrypted: true })).toBe(true);
    expect(isSecure(false, {})).toBe(false);
  });

  it('trusts the header of a trusted proxy only', () => {
    expect(isSecure(false, { proto: 'https' })).toBe(false);
    expect(isSecure('192.0.2.0/24', { proto: 'https' })).toBe(false);
    expect(isSecure('10.0.0.0/8', { proto: 'https' })).toBe(true);
    expect(isSecure(1, { proto: 'HTTPS' })).toBe(true);
  });

  it.each([undefined, '', 'http', 'http, https', 'https, http', 'httpss', 'ws', 'https,'])(
    'returns false if the trusted proxy sends %p',
    proto => {
      expect(isSecure('10.0.0.0/8', { proto })).toBe(false);
    },
  );
});

describe('addressGroup', () => {
  it('returns the IPv4 address for an IPv4-mapped address, as dual-stack servers report it', () => {
    expect(addressGroup('::ffff:192.0.2.1')).toBe('192.0.2.1');
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('maps %s to %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });
});

describe('addressGroups', () => {
  it.each([
    ['2001:db8:1:2345::1', ['2001:db8:1:2345::/64', '2001:db8:1:2300::/56', '2001:db8:1::/48']],
    ['2001:db8:1:ff::1', ['2001:db8:1:ff::/64', '2001:db8:1:0::/56', '2001:db8:1::/48']],
    ['192.0.2.1', ['192.0.2.1']],
    ['::ffff:192.0.2.1', ['192.0.2.1']],
    ['unknown', ['unknown']],
  ])('maps %s to its networks, the narrowest first', (address, names) => {
    expect(addressGroups(address).map(({ name }) => name)).toEqual(names);
  });

  it('allows a /56 four times and a /48 sixteen times the limit of an address', () => {
    expect(addressGroups('2001:db8::1').map(({ factor }) => factor)).toEqual([1, 4, 16]);
    expect(addressGroups('192.0.2.1').map(({ factor }) => factor)).toEqual([1]);
  });
});
