import type { Client } from '../../../lib/connection/index.js';
import type { ListeningRights } from '../../../lib/mesh/listening-rights.js';
import { Rooms } from '../../../lib/mesh/rooms.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { clientAt } from '../../helpers/ws-context.js';

const MAX_ROOMS = 2;
type Check = Parameters<ListeningRights['toRoom']>[2];

describe('Rooms', () => {
  let calls: string[];
  let rooms: Rooms;
  let alice: Client;
  let start: () => unknown;
  let decide: (room: string, check: Check) => unknown;
  let listen: () => Promise<void>;
  let enter: () => Promise<void>;

  beforeEach(() => {
    calls = [];
    alice = clientAt('192.0.2.1', 'alice');
    start = () => undefined;
    decide = () => 'since';
    listen = () => Promise.resolve();
    enter = () => Promise.resolve();
    rooms = new Rooms({
      maxRooms: MAX_ROOMS,
      rights: {
        toRoom: (_: Client, room: string, check: Check) => {
          calls.push(`decide ${room}`);
          return decide(room, check);
        },
        forgetRoom: (_: Client, room: string) => calls.push(`forget ${room}`),
        whyNoRoom: 'EventAuthorizer.canJoin refuses the room',
      } as unknown as ListeningRights,
      start: () => start(),
      listenTo: (_, channel, since) => {
        calls.push(`listen ${channel} ${since}`);
        return listen();
      },
      leave: (_, channel) => calls.push(`leave ${channel}`),
      enter: (_, room) => {
        calls.push(`enter ${room}`);
        return enter();
      },
      exit: (_, room) => calls.push(`exit ${room}`),
      fail: (_, error) => calls.push(`fail ${String(error)}`),
    });
  });

  const namesOf = (client = alice) => rooms.of(client).map(({ channel }) => channel);
  const turn = () => new Promise(setImmediate);
  /** A promise that a test settles. */
  const pending = <T>() => {
    let settle: { resolve: (value: T) => void; reject: (error: Error) => void } | undefined;
    const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
    return { promise, ...settle! };
  };

  it('add a client once it may join: it listens before the room says that it is there', async () => {
    await rooms.join(alice, 'a');
    expect(calls).toEqual(['decide a', 'listen r:a since', 'enter a']);
    expect(rooms.of(alice)).toEqual([{ channel: 'r:a', since: 'since' }]);
    expect(rooms.members).toEqual([alice]);
    await rooms.join(alice, 'a');
    expect(calls).toHaveLength(3);
  });

  it('no longer want the decision about a join that the client has cancelled', async () => {
    const { promise, resolve } = pending<string>();
    let check: Check | undefined;
    decide = (_, given) => {
      check = given;
      return promise;
    };
    const joining = rooms.join(alice, 'a');
    await turn();
    expect(check?.isWanted?.()).toBe(true);
    rooms.leave(alice, 'a');
    expect(check?.isWanted?.()).toBe(false);
    resolve('since');
    await joining;
    expect(namesOf()).toEqual([]);
  });

  it('decide once about concurrent joins of one room, and all of them get the answer', async () => {
    const { promise, resolve } = pending<undefined>();
    decide = () => promise;
    const joins = [1, 2, 3].map(() => rooms.join(alice, 'a'));
    resolve(undefined);
    for (const join of await Promise.allSettled(joins))
      expect(join).toMatchObject({
        status: 'rejected',
        reason: { code: 'FORBIDDEN', reason: 'EventAuthorizer.canJoin refuses the room' },
      });
    expect(calls).toEqual(['decide a']);
    expect(rooms.members).toEqual([]);
  });

  it('do not exceed mesh.maxRooms for one client, rooms that it is joining included', async () => {
    const { promise, resolve } = pending<string>();
    decide = room => (room === 'b' ? promise : 'since');
    await rooms.join(alice, 'a');
    const joining = rooms.join(alice, 'b');
    await expect(rooms.join(alice, 'c')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      reason: 'more than mesh.maxRooms (2)',
    });
    await rooms.join(clientAt('192.0.2.1', 'bob'), 'c');
    resolve('since');
    await joining;
    expect(namesOf()).toEqual(['r:a', 'r:b']);
    rooms.leave(alice, 'a');
    await rooms.join(alice, 'c');
    expect(namesOf()).toEqual(['r:b', 'r:c']);
  });

  it('have nothing of a client that left them', async () => {
    await rooms.join(alice, 'a');
    calls = [];
    rooms.leave(alice, 'a');
    expect(calls).toEqual(['forget a', 'leave r:a', 'exit a']);
    expect([namesOf(), rooms.members]).toEqual([[], []]);
    rooms.leave(alice, 'a');
    await rooms.join(alice, 'b');
    rooms.leave(alice, 'a');
    expect(calls.slice(3)).toEqual(['decide b', 'listen r:b since', 'enter b']);
  });

  it('do not add a client that left or disconnected while the authorizer decided', async () => {
    for (const end of ['leave', 'close']) {
      const { promise, resolve } = pending<string>();
      decide = (_, check) => promise.then(since => (check?.isWanted?.() ? since : undefined));
      const joining = rooms.join(alice, 'a');
      await turn();
      if (end === 'leave') rooms.leave(alice, 'a');
      else rooms.close(alice);
      resolve('since');
      await joining;
      expect([namesOf(), rooms.members]).toEqual([[], []]);
    }
    expect(calls.filter(call => /^(listen|enter)/.test(call))).toEqual([]);
    expect(rooms.hasEnded(alice)).toBe(true);
    await rooms.join(alice, 'a');
    expect(namesOf()).toEqual([]);
  });

  it('ask the authorizer only when the log is followed, and not if the client has left by then', async () => {
    const { promise, resolve } = pending<undefined>();
    start = () => promise;
    const joins = [rooms.join(alice, 'a'), rooms.join(alice, 'b')];
    await turn();
    expect(calls).toEqual([]);
    rooms.leave(alice, 'b');
    resolve(undefined);
    await Promise.all(joins);
    expect(calls.filter(call => call.startsWith('decide'))).toEqual(['decide a']);
  });

  it('ask again if the rights of the client may have changed while the authorizer decided', async () => {
    const first = pending<string>();
    let asked = 0;
    decide = () => (++asked === 1 ? first.promise : 'later');
    const joining = rooms.join(alice, 'a');
    await rooms.reauthorizeClient(alice);
    first.resolve('early');
    await joining;
    expect(rooms.of(alice)).toEqual([{ channel: 'r:a', since: 'later' }]);
    expect(asked).toBe(2);
  });

  it.each(['listen', 'enter'])('have nothing of a client if it cannot %s', async step => {
    const fail = () => Promise.reject(new RefusalError('UNAVAILABLE'));
    if (step === 'listen') listen = fail;
    else enter = fail;
    await expect(rooms.join(alice, 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect([namesOf(), rooms.members]).toEqual([[], []]);
    expect(calls.slice(-3)).toEqual(['forget a', 'leave r:a', 'exit a']);
  });

  it('do not enter a client that leaves before it listens', async () => {
    const { promise, resolve } = pending<undefined>();
    listen = () => promise;
    const joining = rooms.join(alice, 'a');
    await turn();
    rooms.leave(alice, 'a');
    resolve(undefined);
    await joining;
    expect(calls).not.toContain('enter a');
  });

  it('have nothing of a client whose connection has ended', async () => {
    for (const room of ['a', 'b']) await rooms.join(alice, room);
    calls = [];
    rooms.close(alice);
    rooms.close(clientAt('192.0.2.1'));
    expect(calls).toEqual(['exit a', 'exit b']);
    expect([namesOf(), rooms.members, rooms.hasEnded(alice)]).toEqual([[], [], true]);
  });

  describe('authorize again', () => {
    it('only the clients of the user, and keep what they may keep since when they may', async () => {
      const [other, seven] = [clientAt('192.0.2.1', 'bob'), clientAt('192.0.2.1')];
      seven.authenticateAs({ id: 7 }, Infinity);
      for (const client of [alice, other, seven]) await rooms.join(client, 'a');
      calls = [];
      const since: unknown[] = [];
      decide = (_, check) => {
        since.push(check?.since, check?.isWanted?.());
        return 'another';
      };
      await rooms.reauthorize('alice');
      expect([calls, since]).toEqual([['decide a'], ['since', true]]);
      await rooms.reauthorize('7');
      expect(calls).toEqual(['decide a', 'decide a']);
      expect(namesOf()).toEqual(['r:a']);
      await rooms.reauthorizeClient(clientAt('192.0.2.1'));
    });

    it('and remove a client from a room that it may not be in, and from no other', async () => {
      for (const room of ['a', 'b']) await rooms.join(alice, room);
      decide = room => (room === 'a' ? undefined : 'since');
      await rooms.reauthorize('alice');
      expect(namesOf()).toEqual(['r:b']);
    });

    it('and end the connection of a client whose rights are unknown', async () => {
      await rooms.join(alice, 'a');
      calls = [];
      decide = () => Promise.reject(new Error('down'));
      await rooms.reauthorizeClient(alice);
      expect(namesOf()).toEqual([]);
      expect(calls.at(-1)).toBe('fail Error: down');
    });

    it.each(['refuses', 'fails'])(
      'and ignore what was decided about an earlier stay: it %s',
      async how => {
        await rooms.join(alice, 'a');
        const { promise, resolve, reject } = pending<undefined>();
        let wanted: (() => boolean) | undefined;
        decide = (_, check) => {
          wanted = check?.isWanted;
          return promise;
        };
        const again = rooms.reauthorizeClient(alice);
        rooms.leave(alice, 'a');
        decide = () => 'since';
        await rooms.join(alice, 'a');
        expect(wanted?.()).toBe(false);
        if (how === 'refuses') resolve(undefined);
        else reject(new Error('down'));
        await again;
        expect(namesOf()).toEqual(['r:a']);
        expect(calls.filter(call => call.startsWith('fail'))).toEqual([]);
      },
    );
  });
});
