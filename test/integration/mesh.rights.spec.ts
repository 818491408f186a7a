import { HttpException } from '@nestjs/common';
import { type Client, EventAuthorizer, RefusalException } from '../../lib/index.js';
import { dataOf, startMesh, subscribe } from '../helpers/mesh-app.js';
import { eventually } from '../helpers/eventually.js';
import { tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

/** Returns what a client has received so far: the reply to a ping follows it. */
async function sentTo(client: TestClient): Promise<unknown[]> {
  client.sendJson({ type: 'ping' });
  const frames: Json[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame.type === 'pong') return dataOf(frames.filter(({ type }) => type === 'event'));
    frames.push(frame);
  }
}

class Members {
  readonly ids = new Set(['alice', 'bob']);
  readonly canSubscribe = ({ user }: Client, pattern: string): unknown =>
    pattern.startsWith('room.') && this.ids.has(String(user?.id));
}

describe('history', () => {
  it('from before a user had access, or while access was withdrawn, is never delivered', async () => {
    const members = new Members();
    const { app, mesh } = await startMesh(members.canSubscribe);
    const bob = await app.login('bob');
    const { cursor: since } = await subscribe(bob, ['room.42']);
    await mesh.emit('room.42', 'hello');
    expect(await sentTo(bob)).toEqual(['hello']);
    members.ids.delete('bob');
    await mesh.reauthorize('bob');
    await mesh.emit('room.42', 'about bob');
    members.ids.add('bob');
    await subscribe(bob, ['room.42'], { since });
    expect(await sentTo(bob)).toEqual([]);

    await mesh.emit('room.42', 'before carol');
    members.ids.add('carol');
    const carol = await app.login('carol');
    for (const from of ['0-0', since]) {
      await subscribe(carol, ['room.42'], { since: from });
      expect(await sentTo(carol)).toEqual([]);
    }
    await mesh.emit('room.42', 'for all');
    expect([await sentTo(bob), await sentTo(carol)]).toEqual([
      ['before carol', 'for all'],
      ['for all'],
    ]);
  });

  it('of a time without access is not delivered, even if the user was not connected when access ended', async () => {
    const members = new Members();
    const { app, mesh } = await startMesh(members.canSubscribe);
    const first = await app.login('bob');
    const { cursor: since } = await subscribe(first, ['room.1']);
    first.terminate();
    members.ids.delete('bob');
    await mesh.reauthorize('bob');
    await mesh.emit('room.1', 'about bob');
    members.ids.add('bob');
    const again = await app.login('bob');
    await subscribe(again, ['room.1'], { since });
    expect(await sentTo(again)).toEqual([]);
  });

  it('of a time without access is not delivered, even if a look-up from before answers after the withdrawal', async () => {
    const members = new Members();
    const answers: (() => void)[] = [];
    let isSlow = false;
    const { app, mesh } = await startMesh((client: Client, pattern: string) => {
      const answer = members.canSubscribe(client, pattern);
      if (!isSlow) return answer;
      return new Promise(resolve => {
        answers.push(() => {
          resolve(answer);
        });
      });
    });
    const first = await app.login('bob');
    const { cursor: since } = await subscribe(first, ['room.1']);
    isSlow = true;
    await first.authenticate(tokenFor('bob'));
    await eventually(() => answers.length === 1);
    isSlow = false;
    members.ids.delete('bob');
    await mesh.reauthorize('bob');
    await mesh.emit('room.1', 'about bob');
    answers[0]?.();
    await sentTo(first);
    first.terminate();
    members.ids.add('bob');
    const again = await app.login('bob');
    await subscribe(again, ['room.1'], { since });
    expect(await sentTo(again)).toEqual([]);
  });

  it('is delivered on a resume if the right has not ended, even after all rights were checked again', async () => {
    const members = new Members();
    const { app, mesh } = await startMesh(members.canSubscribe);
    const first = await app.login('bob');
    const { cursor: since } = await subscribe(first, ['room.1']);
    await mesh.emit('room.1', 1);
    await mesh.reauthorize('bob');
    await mesh.emit('room.1', 2);
    first.terminate();
    const again = await app.login('bob');
    await subscribe(again, ['room.1'], { since });
    expect(await sentTo(again)).toEqual([1, 2]);
  });

  it('begins where the authorizer says: at a time, or at a cursor', async () => {
    let decision: unknown = false;
    const { app, mesh } = await startMesh(() => decision);
    const { cursor: beginning } = await mesh.replay('**');
    await mesh.emit('a', 1);
    const { cursor } = await mesh.replay('**');
    await mesh.emit('a', 2);
    const historyOf = async (since: unknown) => {
      decision = since === undefined ? true : { since };
      const client = await app.login(`user-${String(since)}`);
      await subscribe(client, ['a'], { since: beginning });
      return sentTo(client);
    };
    expect(await historyOf(new Date(0))).toEqual([1, 2]);
    expect(await historyOf(cursor)).toEqual([2]);
    expect(await historyOf(new Date(Date.now() + 60_000))).toEqual([]);
    expect(await historyOf(undefined)).toEqual([]);
    for (const wrong of [new Date(NaN), 7, null]) {
      decision = { since: wrong };
      const client = await app.login('eve');
      expect((await subscribe(client, ['a'])).code).toBe('FORBIDDEN');
    }
  });

  it('has opaque cursors that reveal nothing about other events', async () => {
    const { app, mesh } = await startMesh(['room.**']);
    const client = await app.login('bob');
    const cursors = new Set<unknown>();
    for (let n = 0; n < 20; n++) {
      cursors.add((await subscribe(client, ['room.1'])).cursor);
      if (n % 2) await mesh.emit('payroll.secret', n);
    }
    expect(cursors.size).toBe(20);
    for (const cursor of cursors) expect(cursor).toMatch(/^[A-Za-z0-9_-]{59}$/);
  });
});

describe('EventAuthorizer', () => {
  it('rejects every room by default', () => {
    class Open extends EventAuthorizer {
      canPublish = () => true;
      canSubscribe = () => true;
    }
    expect(new Open().canJoin({} as Client, 'room')).toBe(false);
  });
});

describe('an authorizer that does not decide', () => {
  it.each([
    ['its own outage', new RefusalException('UNAVAILABLE')],
    ['its own limit', new RefusalException('RATE_LIMITED')],
    ['a service that is overloaded', new HttpException('slow down', 429)],
    ['a service that is late', new HttpException('late', 408)],
  ])('by %s is answered with UNAVAILABLE, not with FORBIDDEN', async (_, error) => {
    const { app } = await startMesh(() => {
      throw error;
    });
    const client = await app.login('bob');
    client.sendJson({ type: 'subscribe', patterns: ['room.1'] });
    expect((await client.next()).code).toBe('UNAVAILABLE');
  });
});
