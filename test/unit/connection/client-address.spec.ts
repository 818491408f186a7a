import type { IncomingMessage } from 'node:http';
import { addressGroup, ClientAddressResolver } from '../../../lib/connection/index.js';
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

describe('the address of a client', () => {
  it('is that of its TCP connection where no proxy is trusted, whatever it claims', () => {
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
  ])('with %j trusted and X-Forwarded-For: %s is %s', (trustProxy, forwarded, expected) => {
    expect(addressOf(trustProxy, { forwarded })).toBe(expected);
  });

  it.each(['unknown', '', 'localhost', '<script>', '203.0.113.9:1234', '1.2.3.4.5', 'a\nb'])(
    'is that of the proxy where it forwards %j, which is no address',
    forwarded => {
      expect(addressOf('10.0.0.1', { forwarded })).toBe('10.0.0.1');
    },
  );

  it('has one spelling, and IPv4-mapped IPv6 is IPv4', () => {
    expect(addressOf(false, { remoteAddress: '::ffff:192.0.2.1' })).toBe('192.0.2.1');
    expect(addressOf(true, { forwarded: '::FFFF:c000:201' })).toBe('192.0.2.1');
    expect(addressOf(true, { forwarded: '2001:DB8:0:0::1' })).toBe('2001:db8::1');
  });

  it('is unknown where the TCP connection is gone already', () => {
    const gone = { headers: {}, socket: {} } as unknown as IncomingMessage;
    for (const trustProxy of [false, true, 1, 'loopback', ['10.0.0.0/8']])
      expect(new ClientAddressResolver(trustProxy).addressOf(gone)).toBe('unknown');
  });
});

describe('a connection', () => {
  it('is secure when its own TCP connection is encrypted', () => {
    expect(isSecure(false, { encrypted: true })).toBe(true);
    expect(isSecure(false, {})).toBe(false);
  });

  it('is secure by a header only when a trusted proxy says so', () => {
    expect(isSecure(false, { proto: 'https' })).toBe(false);
    expect(isSecure('192.0.2.0/24', { proto: 'https' })).toBe(false);
    expect(isSecure('10.0.0.0/8', { proto: 'https' })).toBe(true);
    expect(isSecure(1, { proto: 'HTTPS' })).toBe(true);
  });

  it.each([undefined, '', 'http', 'http, https', 'https, http', 'httpss', 'wss', 'https,'])(
    'is not secure where the trusted proxy says %p',
    proto => {
      expect(isSecure('10.0.0.0/8', { proto })).toBe(false);
    },
  );
});

describe('addressGroup', () => {
  it('is the IPv4 address of one that is mapped, on a server that listens on both', () => {
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
  ])('counts %s with %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });
});
