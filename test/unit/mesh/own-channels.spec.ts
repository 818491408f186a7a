import { OwnChannels } from '../../../lib/mesh/own-channels.js';
import type { OwnChannel, SubscriptionSource } from '../../../lib/mesh/subscription.js';
import { clientAt } from '../../helpers/ws-context.js';

/** A client whose channels change, and the calls that its node receives. */
function setUp(listen: (channel: string) => unknown = () => undefined) {
  const calls: string[] = [];
  const client = clientAt('192.0.2.1', 'alice');
  const owner = { client, isOpen: true, deliverOwn: () => undefined, reportGap: () => undefined };
  const now: OwnChannel[] = [];
  const source = {
    channelsOf: () => now,
    listen: (channel: string) => {
      calls.push(`+${channel}`);
      return listen(channel);
    },
    unlisten: (channel: string) => calls.push(`-${channel}`),
  } as unknown as SubscriptionSource;
  const channels = new OwnChannels(owner, source);
  const follow = (...wanted: (string | OwnChannel)[]) => {
    const all = wanted.map(each =>
      typeof each === 'string' ? { channel: each, since: 'from' } : each,
    );
    now.splice(0, now.length, ...all);
    return channels.follow();
  };
  /** Returns the calls since the last time. */
  const since = () => calls.splice(0);
  return { channels, owner, follow, since };
}

describe('the channels of a client', () => {
  it('are followed: new ones are listened to once, those that it no longer has are left', () => {
    const { channels, follow, since } = setUp();
    void follow('u:alice', 's:one');
    expect(since()).toEqual(['+u:alice', '+s:one']);
    void follow('u:alice', 's:one');
    expect(since()).toEqual([]);
    void follow('u:alice', 's:two', { channel: 'r:lobby', since: 'later' });
    expect(since()).toEqual(['-s:one', '+s:two', '+r:lobby']);
    expect(channels.names).toEqual(['u:alice', 's:two', 'r:lobby']);
    const begin = ['u:alice', 'r:lobby', 's:one'].map(name => channels.since(name));
    expect(begin).toEqual(['from', 'later', undefined]);
  });

  it('are left, and no others are listened to, once the client has gone', () => {
    const { channels, owner, follow, since } = setUp();
    void follow('u:alice', 's:one');
    channels.leaveAll();
    expect(since()).toEqual(['+u:alice', '+s:one', '-u:alice', '-s:one']);
    owner.isOpen = false;
    void follow('u:alice');
    expect([since(), channels.names]).toEqual([[], []]);
  });

  it('are waited for by everyone who follows them, until the node listens', async () => {
    const started: (() => void)[] = [];
    const { follow, since } = setUp(() => new Promise<void>(resolve => started.push(resolve)));
    let followed = 0;
    const both = [follow('u:alice'), follow('u:alice')].map(async following => {
      await following;
      followed++;
    });
    await new Promise(setImmediate);
    expect([since(), followed]).toEqual([['+u:alice'], 0]);
    started[0]?.();
    await Promise.all(both);
    expect([follow('u:alice'), followed]).toEqual([undefined, 2]);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('away'))],
    [
      'throws',
      () => {
        throw new Error('away');
      },
    ],
  ])('are tried again after the node %s', async (_, fail) => {
    let isAway = true;
    const { channels, follow, since } = setUp(() => (isAway ? fail() : undefined));
    await expect((async () => follow('u:alice'))()).rejects.toThrow('away');
    expect([since(), channels.names]).toEqual([['+u:alice', '-u:alice'], []]);
    isAway = false;
    await follow('u:alice');
    expect([since(), channels.names]).toEqual([['+u:alice'], ['u:alice']]);
  });

  it('that the client has left and entered again stay if the earlier request to listen fails', async () => {
    const fails: ((error: Error) => void)[] = [];
    const { channels, follow } = setUp(() => new Promise<void>((_, reject) => fails.push(reject)));
    const first = expect((async () => follow('r:lobby'))()).rejects.toThrow('away');
    void follow();
    void follow('r:lobby');
    fails[0]?.(new Error('away'));
    await first;
    expect(channels.names).toEqual(['r:lobby']);
  });
});
