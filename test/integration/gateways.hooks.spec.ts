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
const hookLines = () =>
  log.filter(({ level, text }) => level === 'debug' && /from a hook/.test(text));

beforeEach(() => {
  connecting = leaving = 'none';
});

describe.each(['throws', 'rejects'] as const)('a gateway hook that %s', how => {
  it('is logged, and closes its own connection only', async () => {
    const app = await TestApp.start(setup);
    const other = await app.login();
    connecting = how;
    const client = await app.connect();
    await client.closed;
    expect((await client.next()).code).toBe('INTERNAL');
    expect(hookLines()).toHaveLength(1);
    other.emit('echo');
    expect((await other.next()).event.data).toBe('works');
  });

  it('is logged and has no other effect if the connection has already closed', async () => {
    const app = await TestApp.start(setup);
    leaving = how;
    (await app.login()).terminate();
    await eventually(() => hookLines().length === 1);
    const other = await app.login();
    other.emit('echo');
    expect((await other.next()).event.data).toBe('works');
    expect(app.nest.get(HookedGateway).left).toBe(1);
  });

  it('closes a Socket.IO connection alike', async () => {
    connecting = how;
    const client = await IoClient.login(await startIo(setup));
    expect((await client.next('exception')).code).toBe('INTERNAL');
    await client.next('disconnect');
    expect(hookLines()).toHaveLength(1);
  });
});
