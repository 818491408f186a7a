import { RouteTable } from '../../../lib/adapter/route-table.js';

/** Public is what begins with a plus; a gateway is secure that has a message with an exclamation mark. */
const table = () =>
  new RouteTable(messages => ({
    publicMessages: new Set(messages.filter(name => name[0] === '+')),
    isSecure: messages.some(name => name.includes('!')),
  }));

describe('a table of routes', () => {
  it('is one for all connections that are bound to the same', () => {
    const empty = table();
    const first = empty.with(['a', '+b']).with(['c']);
    expect(empty.with(['a', '+b']).with(['c'])).toBe(first);
    for (const other of [['+b', 'a'], ['a'], ['a', '+b', 'c']])
      expect(empty.with(other)).not.toBe(empty.with(['a', '+b']));
  });

  it('tells where a handler is among those of all gateways, and whether it is public', () => {
    const routes = table().with(['a', '+b']).with(['+b', 'c']).with(['a']);
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

  it('tells of each handler whether its own gateway signs replies', () => {
    const routes = table().with(['a', 'b!']).with(['a']);
    expect(routes.find('a')).toMatchObject([{ signsReply: true }, { signsReply: false }]);
  });

  it('stays what it was when another gateway is bound', () => {
    const one = table().with(['a']);
    one.with(['a', 'b']);
    expect(one.find('a')).toMatchObject([{ at: 0, isPublic: false }]);
    expect(one.find('b')).toBeUndefined();
  });

  it.each(['toString', '__proto__', 'constructor'])('has no route for %s', message => {
    expect(table().with(['a']).find(message)).toBeUndefined();
  });
});
