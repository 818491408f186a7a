import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { jest } from '@jest/globals';
import { of } from 'rxjs';
import { EventData, reply, SecureGateway } from '../../lib/index.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { TestApp } from '../helpers/test-app.js';

const failing = () => Promise.reject(new Error('The database is away'));

/** Results in which the author of a handler has forgotten an `await`. */
const RESULTS: Record<string, () => unknown> = {
  members: () => ({ a: failing(), b: [failing(), failing()] }),
  items: () => [failing(), failing()],
  values: () => of(failing()),
  replies: () => reply({ type: 'a.b', data: { a: failing() } }),
};
const NAMES = Object.keys(RESULTS);

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ForgetfulGateway {
  @SubscribeMessage('event')
  event(@EventData() name: string) {
    return RESULTS[name]?.();
  }

  @SubscribeMessage('plain')
  plain(@MessageBody() name: string) {
    return RESULTS[name]?.();
  }
}

const unhandled = jest.fn();
beforeEach(() => {
  unhandled.mockClear();
  process.on('unhandledRejection', unhandled);
});
afterEach(() => process.off('unhandledRejection', unhandled));

describe('a result with promises that nobody awaits', () => {
  it.each(NAMES)('in %s is answered with INTERNAL over ws, and ends nothing', async name => {
    const client = await (await TestApp.start({ gateways: [ForgetfulGateway] })).login();
    client.emit('event', name);
    expect((await client.next()).code).toBe('INTERNAL');
    client.sendJson({ event: 'plain', data: name });
    expect(await client.next()).toMatchObject({ data: { code: 'INTERNAL' } });
    await new Promise(setImmediate);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it.each(NAMES)('in %s is answered with INTERNAL over Socket.IO, and ends nothing', async name => {
    const app = await startIo({ gateways: [ForgetfulGateway] });
    const client = await IoClient.login(app);
    client.socket.emit('event', client.event('event', name));
    expect((await client.next('exception')).code).toBe('INTERNAL');
    client.socket.emit('plain', name);
    expect((await client.next('exception')).code).toBe('INTERNAL');
    await new Promise(setImmediate);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
