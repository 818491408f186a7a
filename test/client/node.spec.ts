import { WebSocket } from 'ws';
import { SemanticEventsClient } from '../../lib/client/index.js';
import { ClientHost } from '../helpers/client-host.js';
import { BEHAVIOURS } from './behaviours.js';

describe('a client in Node', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  let host: ClientHost;

  beforeAll(() => {
    process.on('unhandledRejection', note);
  });

  beforeEach(async () => {
    host = await ClientHost.start();
  });

  afterEach(async () => {
    expect(host.mesh.offences).toEqual([]);
    expect(unhandled).toEqual([]);
    await host.close();
  });

  afterAll(() => {
    process.off('unhandledRejection', note);
  });

  it.each(Object.keys(BEHAVIOURS))('%s', async name => {
    await BEHAVIOURS[name]!({
      ...host.surroundings,
      Client: SemanticEventsClient,
      options: { WebSocket },
    });
  });

  it('requests broadcast signatures if it can verify them', async () => {
    await BEHAVIOURS['iterates over events']!({
      ...host.surroundings,
      Client: SemanticEventsClient,
      options: { WebSocket },
    });

    expect(host.mesh.broadcastsWanted).toBe(1);
  });
});
