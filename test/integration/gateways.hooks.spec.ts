import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway } from '../../lib/index.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TestApp } from '../helpers/test-app.js';

const hooks = {
  none: () => undefined,
  throws: () => {
    throw new Error('from a hook');
  },
  rejects: async () => {
    throw new Error('from a hook');
  },
};

let connecting: keyof typeof hooks = 'none';
let leaving: keyof typeof hooks = 'none';
let log: LogLine[] = [];

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class HookedGateway {
  left = 0;

  handleConnection() {
    return hooks[connecting]();
  }

  handleDisconnect() {
    this.left++;
    return hooks[leaving]();
  }

  @SubscribeMessage('echo')
  echo() {
    return 'works';
  }
}

const setup = {
  gateways: [HookedGateway],
  prepare: () => {
    log = captureLog();
  },
};
const told = () => log.filter(({ level, text }) => level === 'error' && /from a hook/.test(text));

beforeEach(() => {
  connecting = leaving = 'none';
});

describe.each(['throws', 'rejects'] as const)('a hook of a gateway that %s', how => {
  it('is logged, and ends the connection it was to open and nothing else', async () => {
    const app = await TestApp.start(setup);
    const other = await app.login();
    connecting = how;
    const client = await app.connect();
    await client.closed;
    expect((await client.next()).code).toBe('INTERNAL');
    expect(told()).toHaveLength(1);
    other.emit('echo');
    expect((await other.next()).event.data).toBe('works');
  });

  it('is logged, and harms nobody, when the connection is gone', async () => {
    const app = await TestApp.start(setup);
    leaving = how;
    (await app.login()).terminate();
    await eventually(() => told().length === 1);
    const other = await app.login();
    other.emit('echo');
    expect((await other.next()).event.data).toBe('works');
    expect(app.nest.get(HookedGateway).left).toBe(1);
  });

  it('ends a connection of Socket.IO alike', async () => {
    connecting = how;
    const client = await IoClient.login(await startIo(setup));
    expect((await client.next('exception')).code).toBe('INTERNAL');
    await client.next('disconnect');
    expect(told()).toHaveLength(1);
  });
});
