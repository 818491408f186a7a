import type { RoomChange, RoomStore } from '../../lib/mesh/index.js';
import { eventually } from '../helpers/eventually.js';

export interface RoomStoreSetup {
  /** Nodes that share their rooms. A store within one process has one. */
  readonly nodes: readonly RoomStore[];
}

/** The contract of every RoomStore. */
export function describeRoomStore(setup: () => Promise<RoomStoreSetup> | RoomStoreSetup): void {
  const start = async () => {
    const { nodes } = await setup();
    const changes: RoomChange[] = [];
    for (const node of nodes) node.watch(change => changes.push(change));
    const [a] = nodes as [RoomStore];
    const b = nodes.at(-1) ?? a;
    return { a, b, changes };
  };
  const sorted = <T extends { user: string }>(members: readonly T[]) =>
    [...members].sort((x, y) => x.user.localeCompare(y.user));

  it('counts users and connections of all nodes, including anonymous ones', async () => {
    const { a, b } = await start();
    expect(await a.count('r')).toEqual({ users: 0, connections: 0 });
    await a.enter('r', 'c1', 'alice');
    await b.enter('r', 'c2', 'alice');
    await b.enter('r', 'c3', 'bob');
    await b.enter('r', 'c3', 'bob');
    await b.enter('r', 'c4', '');
    await b.enter('r', 'c4', '');
    for (const node of [a, b]) {
      expect(await node.count('r')).toEqual({ users: 2, connections: 4 });
      expect(sorted(await node.members('r', 10))).toEqual([
        { user: 'alice', connections: 2 },
        { user: 'bob', connections: 1 },
      ]);
      expect(await node.members('r', 1)).toHaveLength(1);
    }
    await a.exit('r', 'c1');
    await a.exit('r', 'c1');
    expect(await b.count('r')).toEqual({ users: 2, connections: 3 });
    for (const client of ['c2', 'c3', 'c4']) await b.exit('r', client);
    expect(await a.count('r')).toEqual({ users: 0, connections: 0 });
  });

  it('reports the first connection of a user in a room and the end of the last one, once, and no anonymous ones', async () => {
    const { a, b, changes } = await start();
    await a.enter('r', 'c1', 'alice');
    await b.enter('r', 'c2', 'alice');
    await a.enter('r', 'c3', '');
    await a.exit('r', 'c3');
    await a.exit('r', 'c1');
    await b.exit('r', 'c2');
    await eventually(() => changes.length >= 2);
    expect(changes).toEqual([
      { room: 'r', joined: ['alice'], left: [] },
      { room: 'r', joined: [], left: ['alice'] },
    ]);
  });

  it('distinguishes rooms, whatever their names', async () => {
    const { a, b } = await start();
    const names = [
      '*',
      '**',
      'a',
      'a.b',
      'a}',
      '{a}',
      'a}:users',
      ':',
      '\n',
      '💬',
      '%7D',
      'a:nodes',
    ];
    for (const [at, name] of names.entries()) await a.enter(name, `c${at}`, `user-${at}`);
    for (const [at, name] of names.entries())
      expect(await b.members(name, 10)).toEqual([{ user: `user-${at}`, connections: 1 }]);
    for (const [at, name] of names.entries()) await a.exit(name, `c${at}`);
    for (const name of names) expect(await b.count(name)).toEqual({ users: 0, connections: 0 });
  });
}
