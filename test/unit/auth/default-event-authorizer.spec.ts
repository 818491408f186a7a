import type { MeshOptions } from '../../../lib/index.js';
import { DefaultEventAuthorizer } from '../../../lib/auth/index.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';
import { leastCpuTime } from '../../helpers/cpu-time.js';

const authorizer = new DefaultEventAuthorizer(
  resolvedOptions({
    signing: { keys: [{ id: 'main', secret: MAIN_SECRET }], source: 'urn:app:server' },
  }),
);
const alice = clientAt('192.0.2.1', 'alice');
const anonymous = clientAt('192.0.2.1');

const publishes = (source: string, type = 'ui.click', client = alice) =>
  authorizer.canPublish(client, { specversion: '1.0', type, source, id: '1' });

describe('DefaultEventAuthorizer.canPublish', () => {
  it('takes less than quadratic time in the length of the source', () => {
    const source = `a${'/'.repeat(30_000)}x`;
    expect(publishes(source)).toBe(true);
    expect(leastCpuTime(() => publishes(source))).toBeLessThan(200);
  });

  it.each(['system', 'system.', 'system.user.disconnected'])(
    'forbids the reserved type %j',
    type => {
      expect(publishes('app', type)).toBe(false);
    },
  );

  it.each(['systems', 'system-x.y', 'ui.system', 'ui.system.click', 'System.x'])(
    'allows the type %j, which is not reserved',
    type => {
      expect(publishes('app', type)).toBe(true);
    },
  );

  it.each([
    'urn:app:server',
    'URN:APP:Server',
    'urn%3Aapp:server',
    'urn:app:%73erver',
    ' urn:app:server',
    'urn:app:server#x',
    'urn:app:server?',
    'urn:app:server/',
    'urn:app:server//',
    'urn:app:server/x/..',
    './urn:app:server',
    'a/../urn:app:server',
  ])("forbids the server's own source, spelled %j", source => {
    expect(publishes(source)).toBe(false);
  });

  it.each([
    'user:bob',
    'USER:bob',
    'users/bob',
    '/users/bob',
    '/Users/bob/devices/1',
    '//users//bob',
    'urn:user:bob',
    'URN:User:bob',
    'user%3Abob',
    '%75ser:bob',
    '%2575ser:bob',
    'users%2Fbob',
    '%2Fusers%2Fbob',
    '/users/alice/../bob',
    '/users/alice/%2e%2e/bob',
    '/users/alice%2Fbob',
    'user:alice2',
    'user:ALICE',
    'user:',
    'users/',
    'user:bob#alice',
    './users/bob',
    '/./users/bob',
    '../users/bob',
    'a/../users/bob',
    '%2e/users/bob',
    'users/alice/../bob',
    'users/./bob',
    'user:bob?id=alice',
    'user://alice',
    'user:bob%',
    'user:bob?x/..',
  ])('forbids alice the source %j', source => {
    expect(publishes(source)).toBe(false);
  });

  it('forbids a source that is percent-encoded many times', () => {
    expect(publishes(`%${'25'.repeat(500)}75ser:alice`)).toBe(false);
  });

  it('forbids its own source also if that cannot be decoded, and if it is a URL', () => {
    for (const source of [`%${'25'.repeat(500)}41`, 'https://app.example/server']) {
      const own = new DefaultEventAuthorizer(
        resolvedOptions({ signing: { keys: [{ id: 'main', secret: MAIN_SECRET }], source } }),
      );
      const allows = (given: string) =>
        own.canPublish(alice, { specversion: '1.0', type: 'a', source: given, id: '1' });
      expect([allows(source), allows(`${source}/`)]).toEqual([false, false]);
      expect([allows('app'), allows('https:app.example/server')]).toEqual([true, true]);
    }
  });

  it.each([
    'user:alice',
    'users/alice',
    '/users/alice',
    '/users/alice/devices/1',
    '//users//alice',
    'users/bob/..',
    'urn:user:alice',
    'user:%61lice',
    'user:alice?device=1',
    './users/alice',
    'users/bob/../alice',
    'app/../..',
    'app',
    'https://app.example/users/bob',
    'username:bob',
    'superuser:bob',
    'users',
    '100%',
    '%zz',
    'urn:app:server:2',
  ])('allows alice the source %j', source => {
    expect(publishes(source)).toBe(true);
  });

  it('compares a numeric id by its text', () => {
    const seven = clientAt('192.0.2.1');
    seven.authenticateAs({ id: 7 }, Infinity);
    expect(publishes('user:7', 'a', seven)).toBe(true);
    expect(publishes('user:07', 'a', seven)).toBe(false);
  });

  it('compares an id that is not ASCII by the bytes of UTF-8', () => {
    expect(publishes('user:zo%C3%A9', 'x', clientAt('192.0.2.1', 'zoé'))).toBe(true);
    expect(publishes('user:zo%C3%A9')).toBe(false);
  });

  it('compares an id with a slash by its percent-encoded form', () => {
    const slashed = clientAt('192.0.2.1', 'a/b');
    expect(publishes('users/a%2Fb', 'x', slashed)).toBe(true);
    expect(publishes('users/a%2Fb', 'x', clientAt('192.0.2.1', 'a'))).toBe(false);
  });

  it('lets a user name itself only if no reader can mistake the id for one with percent signs', () => {
    const odd = clientAt('192.0.2.1', '%61lice');
    expect(publishes('user:%2561lice')).toBe(false);
    expect(publishes('user:%2561lice', 'x', odd)).toBe(false);
    expect(publishes('user:%61lice', 'x', odd)).toBe(false);
    const percent = clientAt('192.0.2.1', '100%');
    expect(publishes('user:100%25', 'x', percent)).toBe(true);
    expect(publishes('user:100%25')).toBe(false);
    expect(publishes('user:%ff', 'x', clientAt('192.0.2.1', '%ff'))).toBe(true);
  });

  it('does not let an unauthenticated client use the source of a user', () => {
    expect(publishes('user:bob', 'a', anonymous)).toBe(false);
    expect(publishes('user:undefined', 'a', anonymous)).toBe(false);
    expect(publishes('app', 'a', anonymous)).toBe(true);
  });
});

describe('DefaultEventAuthorizer.canSubscribe', () => {
  const listening = (allow: MeshOptions['allow']) =>
    new DefaultEventAuthorizer(
      resolvedOptions({
        signing: { keys: [{ id: 'main', secret: MAIN_SECRET }] },
        mesh: { allow },
      }),
    );

  it('forbids everything by default', () => {
    expect(authorizer.canSubscribe(alice, 'ui.click')).toBe(false);
  });

  it.each(['ui', 'ui.click', 'ui.*', 'ui.**', 'ui.*.x', 'ui.**.x'])(
    'allows %j, which ui.** covers',
    pattern => {
      expect(listening(['ui.**']).canSubscribe(alice, pattern)).toBe(true);
    },
  );

  it.each(['**', '*', '*.click', '**.ui', 'uix', 'uix.**', 'system.**', '', 'ui.', 'ui..click'])(
    'forbids %j, which ui.** does not cover',
    pattern => {
      expect(listening(['ui.**']).canSubscribe(alice, pattern)).toBe(false);
    },
  );

  it('allows patterns per user, and none for unauthenticated clients', () => {
    const own = listening(({ id }) => [`user.${id}.**`]);

    expect(own.canSubscribe(alice, 'user.alice.*')).toBe(true);
    expect(own.canSubscribe(alice, 'user.bob.*')).toBe(false);
    expect(own.canSubscribe(anonymous, 'user.alice.*')).toBe(false);
    expect(listening(['**']).canSubscribe(anonymous, 'ui')).toBe(false);
  });
});
