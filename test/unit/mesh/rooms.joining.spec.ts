import type { ListeningRights } from '../../../lib/mesh/listening-rights.js';
import { Rooms } from '../../../lib/mesh/rooms.js';
import { clientAt } from '../../helpers/ws-context.js';

function setUp() {
  const calls: string[] = [];
  let listens: () => void = () => undefined;
  const rooms = new Rooms({
    maxRooms: 8,
    rights: { toRoom: () => 'from', forgetRoom: () => undefined } as unknown as ListeningRights,
    start: () => undefined,
    listenTo: () => new Promise<void>(resolve => (listens = resolve)),
    leave: () => undefined,
    enter: async (_, room) => {
      calls.push(`enter ${room}`);
    },
    exit: (_, room) => calls.push(`exit ${room}`),
    fail: () => undefined,
  });
  const client = clientAt('192.0.2.1', 'alice');
  const settled = () => new Promise(setImmediate);
  return {
    rooms,
    client,
    calls,
    settled,
    listens: () => {
      listens();
    },
  };
}

describe('a join of a room', () => {
  it('does not count a client whose connection ends while the node begins to listen', async () => {
    const { rooms, client, calls, settled, listens } = setUp();
    const joining = rooms.join(client, 'lobby');
    await settled();
    rooms.close(client);
    listens();
    await joining;
    expect(calls).toEqual(['exit lobby']);
    expect(rooms.members).toEqual([]);
  });

  it('does not count a client that leaves while the node begins to listen', async () => {
    const { rooms, client, calls, settled, listens } = setUp();
    const joining = rooms.join(client, 'lobby');
    await settled();
    rooms.leave(client, 'lobby');
    listens();
    await joining;
    expect(calls).toEqual(['exit lobby']);
    expect(rooms.of(client)).toEqual([]);
  });

  it('that was cancelled leaves a later join of the client in force: leave, rights and the end of the connection apply to it', async () => {
    for (const end of ['leave', 'close'] as const) {
      const { rooms, client, calls, settled, listens } = setUp();
      const cancelled = rooms.join(client, 'lobby');
      rooms.leave(client, 'lobby');
      const joining = rooms.join(client, 'lobby');
      await cancelled;
      await settled();
      listens();
      await joining;
      expect(calls).toEqual(['enter lobby']);
      expect(rooms.members).toEqual([client]);
      if (end === 'leave') rooms.leave(client, 'lobby');
      else rooms.close(client);
      expect(calls).toEqual(['enter lobby', 'exit lobby']);
    }
  });

  it('that was cancelled does not cancel the next join of a client that is in another room', async () => {
    const { rooms, client, calls, settled, listens } = setUp();
    const other = rooms.join(client, 'kitchen');
    await settled();
    listens();
    await other;
    const cancelled = rooms.join(client, 'lobby');
    rooms.leave(client, 'lobby');
    const joining = rooms.join(client, 'lobby');
    await cancelled;
    await settled();
    listens();
    await joining;
    expect(calls).toEqual(['enter kitchen', 'enter lobby']);
  });
});
