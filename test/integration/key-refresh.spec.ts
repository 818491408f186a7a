import {
  EventSigner,
  KeyRefresh,
  SecurityAudit,
  type SemanticEventsModuleOptions,
  type SigningKeyOptions,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';

const OTHER: SigningKeyOptions = { id: 'other', secret: 'other-secret-other-secret-other-secret' };

const start = (signing: SemanticEventsModuleOptions['signing']) =>
  TestApp.start({ gateways: [DemoGateway], options: { signing } });

describe('signing.keys as a function', () => {
  it('provides the ring at start, and a new one without a restart', async () => {
    let ring: SigningKeyOptions[] = [RING_KEY];
    const app = await start({ keys: async () => ring, refresh: 1_000 });
    const client = await app.login();
    ring = [OTHER, RING_KEY];
    const signer = app.nest.get(EventSigner);
    await eventually(() => signer.keys.length === 2);
    // A connection keeps its session key.
    client.emit('demo.echo', 1);
    expect((await client.next()).type).toBe('event');
    const other = await app.login('bob');
    other.emit('demo.echo', 1);
    expect((await other.next()).type).toBe('event');
  });

  it.each<[string, () => never | unknown[], RegExp]>([
    [
      'fails',
      () => {
        throw new RangeError('canary');
      },
      /signing\.keys, a function, failed: RangeError/,
    ],
    ['gives no key', () => [], /signing\.keys must name at least one key/],
  ])('that %s at start stops the start', async (_, keys, problem) => {
    const starting = start({ keys: keys as never });
    await expect(starting).rejects.toThrow(problem);
    await expect(starting).rejects.not.toThrow('canary');
  });

  it('that fails later is reported by the checklist', async () => {
    let fails = false;
    const app = await start({
      keys: () => {
        if (fails) throw new Error('away');
        return [RING_KEY];
      },
    });
    const finding = () =>
      app.nest
        .get(SecurityAudit)
        .run()
        .items.find(({ id }) => id === 'key-rotation');
    expect(finding()?.status).toBe('pass');
    fails = true;
    await app.nest.get(KeyRefresh).refresh();
    expect(finding()).toMatchObject({
      status: 'warn',
      finding: 'The key ring could not be refreshed: Error was thrown',
    });
  });
});
