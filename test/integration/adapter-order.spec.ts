import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SemanticEventsAdapter, SemanticEventsModule } from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { JWT_SECRET, RING_KEY } from '../helpers/test-app.js';

async function applicationOf(providers: (typeof DemoGateway)[]): Promise<INestApplication> {
  const options = {
    audit: 'off' as const,
    signing: { keys: [RING_KEY] },
    auth: { jwt: { secret: JWT_SECRET } },
  };
  const module = await Test.createTestingModule({
    imports: [SemanticEventsModule.forRoot(options)],
    providers,
  }).compile();
  return module.createNestApplication({ logger: false });
}

describe.each([SemanticEventsAdapter, SemanticEventsIoAdapter])('%p', adapter => {
  it('refuses an application whose gateways are open already, under an adapter without protection', async () => {
    const app = await applicationOf([DemoGateway]);
    await app.init();
    expect(() => new adapter(app)).toThrow('must be installed before app.init()');
    await app.close();
  });

  it('accepts an application without gateways at any time', async () => {
    const app = await applicationOf([]);
    await app.init();
    expect(() => app.useWebSocketAdapter(new adapter(app))).not.toThrow();
    await app.close();
  });
});
