import { type GatewayFacts, RouteTable } from '../../../lib/gateway/route-table.js';

const known = new Map<string, GatewayFacts>();

/**
 * Creates gateway facts. A message that begins with a plus is public; one with an exclamation mark
 * makes the gateway secure.
 */
function gateway(...messages: string[]): GatewayFacts {
  const key = messages.join();
  const facts = known.get(key) ?? {
    messages,
    isPublic: messages.map(name => name.startsWith('+')),
    isSecure: messages.some(name => name.includes('!')),
  };
  known.set(key, facts);
  return facts;
}

const table = () => new RouteTable();

describe('route table', () => {
  it('is shared by all connections that are bound to the same gateways', () => {
    const empty = table();
    const first = empty.with(gateway('a', '+b')).with(gateway('c'));
    expect(empty.with(gateway('a', '+b')).with(gateway('c'))).toBe(first);
    for (const other of [['+b', 'a'], ['a'], ['a', '+b', 'c']])
      expect(empty.with(gateway(...other))).not.toBe(empty.with(gateway('a', '+b')));
  });

  it('returns the index of a handler among all gateways, and whether it is public', () => {
    const routes = table().with(gateway('a', '+b')).with(gateway('+b', 'c')).with(gateway('a'));
    expect(routes.find('a')).toMatchObject([
      { at: 0, isPublic: false },
      { at: 4, isPublic: false },
    ]);
    expect(routes.find('+b')).toMatchObject([
      { at: 1, isPublic: true },
      { at: 2, isPublic: true },
    ]);
    expect(routes.find('c')).toMatchObject([{ at: 3, isPublic: false }]);
  });

  it('returns for each handler whether its own gateway signs replies', () => {
    const routes = table().with(gateway('a', 'b!')).with(gateway('a'));
    expect(routes.find('a')).toMatchObject([{ signsReply: true }, { signsReply: false }]);
  });

  it('does not change when another gateway is bound', () => {
    const one = table().with(gateway('a'));
    one.with(gateway('a', 'b'));
    expect(one.find('a')).toMatchObject([{ at: 0, isPublic: false }]);
    expect(one.find('b')).toBeUndefined();
  });

  it.each(['toString', '__proto__', 'constructor'])('has no route for %s', message => {
    expect(table().with(gateway('a')).find(message)).toBeUndefined();
  });
});
