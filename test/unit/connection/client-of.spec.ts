import {
  bindClient,
  bindConnection,
  Client,
  clientOf,
  connectionOf,
  OWNER,
} from '../../../lib/connection/index.js';
import { clientAt } from '../../helpers/ws-context.js';

describe('the client of a socket', () => {
  it('is the one that was bound to it at the handshake, whose address guards read from the socket', () => {
    const [socket, client] = [{}, clientAt('192.0.2.1')];
    bindClient(socket, client);
    expect(clientOf(socket)).toBe(client);
    expect(socket).toHaveProperty('ip', '192.0.2.1');
    expect(Object.keys(socket)).toEqual([]);
  });

  it('keeps the address that a library has set', () => {
    const socket = { ip: '198.51.100.7' };
    bindClient(socket, clientAt('192.0.2.1'));
    expect(socket.ip).toBe('198.51.100.7');
  });

  it('is the one that its owner knows', () => {
    const client = clientAt('192.0.2.1');
    const socket = { [OWNER]: { client } };
    bindClient(socket, client);
    expect(clientOf(socket)).toBe(client);
    const other = clientAt('192.0.2.2');
    expect(clientOf(Object.assign(socket, { [OWNER]: { client: other } }))).toBe(other);
  });

  it('on a stock adapter is created once, with what the socket knows of its handshake', () => {
    const ofWs = { _socket: { remoteAddress: '192.0.2.1' } };
    expect(clientOf(ofWs)).toBe(clientOf(ofWs));
    expect(clientOf(ofWs).handshake).toEqual({ address: '192.0.2.1', url: '', headers: {} });
    const handshake = { address: '192.0.2.2', url: '/x', headers: { origin: 'https://a.b' } };
    expect(clientOf({ handshake }).handshake).toBe(handshake);
    for (const socket of [{}, { _socket: {} }, { [OWNER]: {} }])
      expect(clientOf(socket)).toMatchObject({ address: 'unknown', user: undefined });
    expect(clientOf({})).not.toBe(clientOf({}));
  });
});

describe('the connection of a socket', () => {
  it('is its owner, or the one that was bound to it, and none on a stock adapter', () => {
    const [target, other] = [{ refuse: () => undefined }, { refuse: () => undefined }];
    const socket = {};
    expect(connectionOf(socket)).toBeUndefined();
    bindConnection(socket, target);
    expect(connectionOf(socket)).toBe(target);
    expect(connectionOf({ [OWNER]: other })).toBe(other);
  });
});

describe('a client', () => {
  const handshake = { address: '192.0.2.1', url: '/', headers: { origin: 'https://a.b' } };

  it('is authenticated as one user for its whole life, whose session may be renewed', () => {
    const client = new Client({ ...handshake, origin: 'https://a.b' }, 5);
    expect(client).toMatchObject({ address: '192.0.2.1', origin: 'https://a.b', connectedAt: 5 });
    expect([client.user, client.expiresAt, client.lastActivityAt]).toEqual([
      undefined,
      undefined,
      5,
    ]);
    expect(client.authenticateAs({ id: '7' }, 10)).toBe(true);
    expect(client.authenticateAs({ id: 'bob' }, 30)).toBe(false);
    expect([client.user, client.expiresAt]).toEqual([{ id: '7' }, 10]);
    expect(client.authenticateAs({ id: 7 }, 20)).toBe(true);
    expect([client.user, client.expiresAt]).toEqual([{ id: 7 }, 20]);
  });

  it('does not show its handshake, which has credentials, when it is serialized', () => {
    const text = JSON.stringify(new Client({ ...handshake, headers: { cookie: 'hunter2' } }, 0));
    expect(text).not.toContain('hunter2');
  });
});
