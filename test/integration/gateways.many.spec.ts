import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway } from '../../lib/index.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

/** Creates a gateway class with hooks and a handler. */
function gateway(number: number) {
  @WebSocketGateway({ path: '/events' })
  @SecureGateway()
  class NumberedGateway {
    handleConnection(): void {
      // Nest adds a listener for this hook.
    }

    handleDisconnect(): void {
      // The same.
    }

    @SubscribeMessage(`number.${number}`)
    answer() {
      return number;
    }
  }
  return NumberedGateway;
}

/** More than the ten listeners after which an event emitter warns of a leak. */
const GATEWAYS = Array.from({ length: 14 }, (_, number) => gateway(number));

describe('an application with many gateways at one path', () => {
  const warnings: string[] = [];
  const note = ({ name }: Error) => warnings.push(name);

  beforeEach(() => {
    process.on('warning', note);
  });

  afterEach(async () => {
    // Node emits a warning in the next tick.
    await new Promise(process.nextTick);
    process.off('warning', note);
    expect(warnings.splice(0)).toEqual([]);
  });

  it('serves all of them without a warning of a leak', async () => {
    const client = await (await TestApp.start({ gateways: GATEWAYS })).login();
    client.emit('number.13');
    expect((await client.next()).event).toMatchObject({ type: 'number.13.reply', data: 13 });
  });

  it('serves all of them over Socket.IO without a warning of a leak', async () => {
    const { port } = await startIo({ gateways: GATEWAYS });
    const client = IoClient.open(port, { auth: { token: tokenFor('alice') } });
    await client.next('auth_success');
    expect(await client.socket.timeout(5_000).emitWithAck('number.13', 1)).toBe(13);
  });
});
