import { WsException } from '@nestjs/websockets';
import { RefusalException, refusing } from '../../../lib/handler/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { wsContext } from '../../helpers/ws-context.js';

class Gateway {
  on() {}
}

const context = wsContext(Gateway, 'on', { data: { id: 'e1', data: 'hunter2' } });
const refuse = (): never => {
  throw new RefusalError('RATE_LIMITED', 1500.2);
};
const break_ = (): never => {
  throw new TypeError('a bug');
};
const caught = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('refusing', () => {
  it('returns the result of a check that passes, synchronously or not', async () => {
    expect(refusing(context, () => true)).toBe(true);
    await expect(refusing(context, () => Promise.resolve(true))).resolves.toBe(true);
  });

  it('turns a rejection into a WsException with code, wait and event id', () => {
    const error = caught(() => refusing(context, refuse)) as RefusalException;
    expect(error).toBeInstanceOf(WsException);
    expect(error.getError()).toEqual({
      status: 429,
      code: 'RATE_LIMITED',
      message: 'Too many requests',
      retry_after: 1.501,
      id: 'e1',
    });
  });

  it('turns an asynchronous rejection into the same exception', async () => {
    const now = caught(() => refusing(context, refuse)) as RefusalException;
    const later: unknown = await Promise.resolve(refusing(context, async () => refuse())).catch(
      (error: unknown) => error,
    );
    expect(later).toBeInstanceOf(RefusalException);
    expect((later as RefusalException).getError()).toEqual(now.getError());
  });

  it('does not change other errors, synchronous or not', async () => {
    expect(caught(() => refusing(context, break_))).toBeInstanceOf(TypeError);
    await expect(refusing(context, async () => break_())).rejects.toBeInstanceOf(TypeError);
  });
});

describe('RefusalException', () => {
  it('has the fixed message of its code, whatever the client has sent', () => {
    const exception = new RefusalException('INVALID_EVENT');
    expect(exception.message).toBe(new RefusalError('INVALID_EVENT').message);
    expect(exception.getError()).toMatchObject({ status: 422, code: 'INVALID_EVENT' });
    expect(JSON.stringify(exception.getError())).not.toMatch(/retry_after|"id"/);
  });
});
